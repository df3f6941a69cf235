package quorum

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"byok/internal/strictjson"
)

// The fixed world: its cards must open for ever, here and with the age tool.

func TestFixedCardsOpen(t *testing.T) {
	r, err := NewReader(fixedWorld(t))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Wipe()
	for n := 1; n <= 3; n++ {
		base := fmt.Sprintf("testdata/world/card%d", n)
		card, err := Open(base, read(t, base+".age"), pass(fmt.Sprintf("passphrase of card %d", n)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(marshalled(t, card), read(t, base+".json")) {
			t.Errorf("%s.age does not hold %s.json", base, base)
		}
		if err := r.Add(base, card); err != nil {
			t.Fatal(err)
		}
	}
	s, err := r.Secret()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := derived(t, s), parseRecovered(t, string(read(t, "testdata/world/recovered.txt"))); got != want {
		t.Errorf("derived %+v, want %+v", got, want)
	}
}

// TestRecoveryByHand is the recovery the documentation describes: the age
// tool opens two cards, recover.py does the rest.
func TestRecoveryByHand(t *testing.T) {
	var opened []string
	for _, n := range []int{1, 3} {
		base := fmt.Sprintf("testdata/world/card%d", n)
		text := ageDecrypt(t, base+".age", fmt.Sprintf("passphrase of card %d", n))
		if !bytes.Equal(text, read(t, base+".json")) {
			t.Fatalf("age opens %s.age as %q", base, text)
		}
		opened = append(opened, temporary(t, text))
	}
	if got, want := recoverPy(t, opened...), string(read(t, "testdata/world/recovered.txt")); got != want {
		t.Errorf("recover.py says\n%swant\n%s", got, want)
	}
}

func TestAgeOpensANewCard(t *testing.T) {
	card := issue(t, Quorum{2, 3}).Cards[2]
	sealed := temporary(t, seal0(t, card, "päss phrase"))
	if got, want := ageDecrypt(t, sealed, "päss phrase"), marshalled(t, card); !bytes.Equal(got, want) {
		t.Errorf("age opens it as %q", got)
	}
}

// TestDerivation compares the derivation vectors with this package and with
// recover.py: as a world of one card, whose share is the secret itself.
func TestDerivation(t *testing.T) {
	var vectors []recovered
	if err := strictjson.Unmarshal("derivation.json", read(t, "testdata/derivation.json"), 1<<16, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 4 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	one := issue(t, Quorum{1, 1}).Cards[0]
	for _, want := range vectors {
		raw, err := hex.DecodeString(want.WorldSecret)
		if err != nil {
			t.Fatal(err)
		}
		copy(one.Share.Reveal(), raw)
		if got := derived(t, &Secret{one.Share}); got != want {
			t.Errorf("derived %+v, want %+v", got, want)
		}
		if got := parseRecovered(t, recoverPy(t, temporary(t, marshalled(t, one)))); got != want {
			t.Errorf("recover.py derives %+v, want %+v", got, want)
		}
	}
}

// TestRecombination has recover.py rebuild secrets of new sets.
func TestRecombination(t *testing.T) {
	for _, q := range []Quorum{{2, 2}, {3, 5}, {5, 8}, {64, 64}} {
		made := issue(t, q)
		var files []string
		for _, c := range made.Cards[q.N-q.K:] {
			files = append(files, temporary(t, marshalled(t, c)))
		}
		if got, want := parseRecovered(t, recoverPy(t, files...)), derived(t, made.Secret); got != want {
			t.Errorf("%s: recover.py rebuilds %+v, want %+v", q, got, want)
		}
	}
}

func TestRecoverPyRefuses(t *testing.T) {
	made, other := issue(t, Quorum{2, 3}), issue(t, Quorum{2, 3})
	file := func(c Card) string { return temporary(t, marshalled(t, c)) }
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"too few":       {[]string{file(made.Cards[0])}, "1 different cards, 2 are needed\n"},
		"the same":      {[]string{file(made.Cards[0]), file(made.Cards[0])}, "1 different cards, 2 are needed\n"},
		"another world": {[]string{file(made.Cards[0]), file(other.Cards[1])}, "the cards are not all of one world and one card set\n"},
	} {
		var stderr bytes.Buffer
		cmd := exec.Command(python(t), append([]string{"../../docs/recover.py"}, c.files...)...)
		cmd.Stderr = &stderr
		if err := cmd.Run(); err == nil || stderr.String() != c.want {
			t.Errorf("%s: %v, %q", name, err, stderr.String())
		}
	}
}

func temporary(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "card")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 judges this package: apt-get install python3")
	}
	return path
}

func recoverPy(t *testing.T, cards ...string) string {
	t.Helper()
	out, err := exec.Command(python(t), append([]string{"../../docs/recover.py"}, cards...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("recover.py: %v: %s", err, out)
	}
	return string(out)
}

func parseRecovered(t *testing.T, text string) recovered {
	t.Helper()
	var values []string
	for line := range strings.Lines(text) {
		_, value, _ := strings.Cut(line, ":")
		values = append(values, strings.TrimSpace(value))
	}
	if len(values) != 3 {
		t.Fatalf("three lines expected: %q", text)
	}
	return recovered{values[0], values[1], values[2]}
}

// ageDecrypt opens a file with the age tool, which takes passphrases from its
// controlling terminal and from nowhere else.
func ageDecrypt(t *testing.T, path, passphrase string) []byte {
	t.Helper()
	age, err := exec.LookPath("age")
	if err != nil {
		t.Fatal("age judges this package: apt-get install age")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, age, "--decrypt", path)
	var out bytes.Buffer
	cmd.Stdout = &out
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	said := answer(tty, "passphrase", passphrase)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("age: %v: %s", err, said)
	}
	return out.Bytes()
}

// answer types one line once the prompt is there, and returns all the
// terminal showed.
func answer(tty interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
}, prompt, line string) string {
	var said strings.Builder
	buf := make([]byte, 1024)
	for answered := false; ; {
		n, err := tty.Read(buf)
		said.Write(buf[:n])
		if !answered && strings.Contains(said.String(), prompt) {
			answered = true
			_, _ = tty.Write([]byte(line + "\n"))
		}
		if err != nil { // EIO: the other side is closed
			return said.String()
		}
	}
}
