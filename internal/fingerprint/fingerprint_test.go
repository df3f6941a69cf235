package fingerprint

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"byok/internal/exitcode"
)

const fox = "The quick brown fox jumps over the lazy dog"

func TestSumIsWhatSha256sumPrints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fox")
	if err := os.WriteFile(path, []byte(fox), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sha256sum", path).Output()
	if err != nil {
		t.Fatalf("sha256sum (install coreutils): %v", err)
	}
	want := strings.Fields(string(out))[0]
	fromReader, err := Reader(iotest.OneByteReader(strings.NewReader(fox)))
	if err != nil || fromReader.String() != want {
		t.Errorf("Reader: %s, %v, want %s", fromReader, err, want)
	}
	if got := Of([]byte(fox)).String(); got != want {
		t.Errorf("Of: %s, want %s", got, want)
	}
}

func TestUnreadable(t *testing.T) {
	if _, err := Reader(iotest.ErrReader(errors.New("cut off"))); err == nil || err.Error() != "cut off" {
		t.Errorf("%v", err)
	}
}

// TestWordList compares with a table of its own transcription.
func TestWordList(t *testing.T) {
	table := lines(t, "testdata/pgp-word-list.txt")
	if len(table) != 256 {
		t.Fatalf("%d lines", len(table))
	}
	for i, line := range table {
		if got := fmt.Sprintf("%02X %s %s", i, evenWords[i], oddWords[i]); got != line {
			t.Errorf("%q, want %q", got, line)
		}
	}
	seen := map[string]bool{}
	for _, w := range slices.Concat(evenWords, oddWords) {
		if key := strings.ToLower(w); seen[key] {
			t.Errorf("%s twice", w)
		} else {
			seen[key] = true
		}
		if strings.Trim(strings.ToLower(w), "abcdef") == "" || len(w) > maxShown {
			t.Errorf("%s can be taken for hex, or is too long", w)
		}
	}
}

func TestVectors(t *testing.T) {
	vectors := lines(t, "testdata/vectors.txt")
	for _, line := range vectors {
		digits, words, _ := strings.Cut(line, " | ")
		data, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		var s Sum
		copy(s[:], data)
		if got := strings.Join(s.Words()[:len(data)], " "); got != words {
			t.Errorf("%s:\n%s, want\n%s", digits, got, words)
		}
	}
}

func TestShapes(t *testing.T) {
	s := Of([]byte(fox))
	if got, want := s.Groups(), "d7a8fbb3 07d78094 69ca9abc b0082e4f 8d5651e4 6d3cdb76 2d02d0bf 37c9e592"; got != want {
		t.Errorf("Groups: %s", got)
	}
	want := `
1  stopwatch  paramount    watchword  pocketful
2  ahead      stethoscope  merit      molecule
3  gazelle    revenue      pupil      pyramid
4  ruffled    antenna      buzzard    document
5  optic      escapade     drunken    tradition
6  goggles    crossover    suspense   impetus
7  button     aftermath    stagnate   rebellion
8  clamshell  retrospect   topmost    misnomer`
	if got := "\n" + strings.Join(s.Rows(), "\n"); got != want {
		t.Errorf("Rows:%s", got)
	}
}

func TestJSON(t *testing.T) {
	type file struct{ SHA256 Sum }
	want := file{Of([]byte(fox))}
	text, err := json.Marshal(want)
	if err != nil || string(text) != `{"SHA256":"`+want.SHA256.String()+`"}` {
		t.Fatalf("%s, %v", text, err)
	}
	var got file
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", strings.ToUpper(want.SHA256.String()), want.SHA256.Groups(), want.SHA256.String()[2:], want.SHA256.String() + "00"} {
		var s Sum
		err := s.UnmarshalText([]byte(bad))
		if err == nil || err.Error() != "a SHA-256 sum is 64 lower-case hex digits" || exitcode.Of(err) != exitcode.Usage || s != (Sum{}) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// lines returns the lines of a vector file without comments; no lines at all
// fail the test.
func lines(t testing.TB, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(data)), "\n"), func(l string) bool {
		return l == "" || strings.HasPrefix(l, "#")
	})
	if len(all) == 0 {
		t.Fatalf("%s is empty", path)
	}
	return all
}
