package quorum

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/secret"
	"byok/internal/strictjson"
)

// testWork keeps scrypt out of the running time of the tests.
const testWork = 2

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

// issue makes a set with the holders "Holder A", "Holder B" and so on.
func issue(t *testing.T, q Quorum) *Issue {
	t.Helper()
	var holders []string
	for n := range q.N {
		holders = append(holders, "Holder "+strings.ToUpper(strconv.FormatInt(int64(n+10), 36)))
	}
	made, err := New(q, holders)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Wipe)
	return made
}

// copyOf lets a test spoil, or a reader wipe, a card of a shared issue.
func copyOf(c Card) Card {
	c.Share = pass(string(c.Share.Reveal()))
	return c
}

// folderWith returns a card folder holding data as its card file.
func folderWith(t *testing.T, data []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, CardFile), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func seal0(t *testing.T, c Card, passphrase string) []byte {
	t.Helper()
	sealed, err := Seal(c, pass(passphrase), testWork)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// fixedWorld is the world of testdata/world: quorum 2/3, card n sealed with
// "passphrase of card n" at work factor 10.
func fixedWorld(t testing.TB) CardSet {
	t.Helper()
	var set CardSet
	if err := strictjson.Unmarshal("set.json", read(t, "testdata/world/set.json"), 4096, &set); err != nil {
		t.Fatal(err)
	}
	return set
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// derived returns what a world secret gives, for comparison.
func derived(t *testing.T, s *Secret) recovered {
	t.Helper()
	pin, err := s.SOPIN()
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.ModuleKey()
	if err != nil {
		t.Fatal(err)
	}
	return recovered{fmt.Sprintf("%x", s.scalar.Reveal()), string(pin.Reveal()), fmt.Sprintf("%x", key.Reveal())}
}

type recovered struct {
	WorldSecret string `json:"world_secret"`
	SOPIN       string `json:"so_pin"`
	ModuleKey   string `json:"module_key"`
}
