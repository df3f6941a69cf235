package transfer

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"byok/internal/exitcode"
)

// TestCardSets: a folder is listed once, and every package finds its own files
// there, whatever its name.
func TestCardSets(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"a.cards-2.json", "a.cards-3.json", "a.cards-2.sig", "ab.cards-2.json", "a.cards-2.cards-2.json",
		"gap.cards-3.json", "odd.cards-02.json", "word.cards-x.json", "b.manifest.json",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	misnamed := func(name string) string {
		return filepath.Join(dir, name) + ": it is not named like a card replacement"
	}
	var r Reader
	for _, c := range []struct {
		stem, want string
		sets       []int
	}{
		{stem: "ab", sets: []int{2}},
		{stem: "a.cards-2", sets: []int{2}},
		{stem: "b"},
		{stem: "a", want: misnamed("a.cards-2.cards-2.json")},
		{stem: "odd", want: misnamed("odd.cards-02.json")},
		{stem: "word", want: misnamed("word.cards-x.json")},
		{stem: "gap", want: filepath.Join(dir, "gap.cards-2.json") + ": there is no such file, but there is " +
			filepath.Join(dir, "gap.cards-3.json")},
	} {
		sets, err := r.cardSets(namesOf(filepath.Join(dir, c.stem)))
		said := ""
		if err != nil {
			said = err.Error()
		}
		if said != c.want || !slices.Equal(sets, c.sets) || err != nil && exitcode.Of(err) != exitcode.Usage {
			t.Errorf("%q: %v, %v", c.stem, sets, err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if sets, err := r.cardSets(namesOf(filepath.Join(dir, "ab"))); err != nil || len(sets) != 1 {
		t.Errorf("it was listed again: %v, %v", sets, err)
	}
	if _, err := new(Reader).cardSets(namesOf(filepath.Join(dir, "ab"))); !os.IsNotExist(err) {
		t.Errorf("no folder: %v", err)
	}
}
