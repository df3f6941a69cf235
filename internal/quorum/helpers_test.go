package quorum

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/secret"
	"byok/internal/strictjson"
)

// failure is an error as the user meets it.
type failure struct {
	text string
	code exitcode.Code
	hint string
}

func expect(t *testing.T, name string, err error, want failure) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want %s", name, want.text)
		return
	}
	if got := (failure{err.Error(), exitcode.Of(err), exitcode.HintOf(err)}); got != want {
		t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
	}
}

func pass(text string) *secret.Bytes { return secret.Take([]byte(text)) }

// testKNSO is the hknso of sets that tests make.
var testKNSO = fingerprint.Of([]byte("a KNSO"))

// testModule is the id of a module.
const testModule = "0123456789abcdef0123456789abcdef"

// issue makes a set with the holders "Holder A", "Holder B" and so on.
func issue(t *testing.T, q Quorum) *Issue {
	t.Helper()
	made, err := New(q, holdersOf(q), testKNSO, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Wipe)
	return made
}

func holdersOf(q Quorum) (holders []string) {
	for n := range q.N {
		holders = append(holders, "Holder "+strings.ToUpper(strconv.FormatInt(int64(n+10), 36)))
	}
	return holders
}

// copyOf lets a test spoil, or a reader wipe, a card of a shared issue.
func copyOf(c Card) Card {
	c.Share = pass(string(c.Share.Reveal()))
	return c
}

func encoded(t *testing.T, c Card) []byte {
	t.Helper()
	text, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text.Reveal()
}

// fixedWorld is the card set of testdata/world: quorum 2/3.
func fixedWorld(t testing.TB) CardSet {
	t.Helper()
	var set CardSet
	if err := strictjson.Exact("set.json", read(t, "testdata/world/set.json"), 4096, &set); err != nil {
		t.Fatal(err)
	}
	return set
}

// fixedSecret rebuilds the world secret of testdata/world.
func fixedSecret(t *testing.T) *Secret {
	t.Helper()
	r, err := NewReader(fixedWorld(t))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Wipe()
	for _, n := range []string{"2", "3"} {
		card, err := Decode("card"+n, pass(string(read(t, "testdata/world/card"+n+".json"))))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Add("card"+n, card); err != nil {
			t.Fatal(err)
		}
	}
	s, err := r.Secret()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Wipe)
	return s
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func temporary(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a judge of this package and returns what it prints.
func run(t *testing.T, in []byte, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(string(in))
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, said.String())
	}
	return string(out)
}

func recoverPy(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, nil, "python3", append([]string{"../../docs/recover.py"}, args...)...)
}
