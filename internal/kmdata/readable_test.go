package kmdata_test

import (
	"os"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/testkit/softworld"
)

// TestReadable: the good keys are there beside the damaged ones, each of which is
// named with its cure.
func TestReadable(t *testing.T) {
	w, err := softworld.New(t.TempDir(), softworld.Options{Rehearsal: true})
	check(t, err)
	kind, err := keykind.Parse("P-256")
	check(t, err)
	for _, ident := range []string{"altered", "good", "lost", "unsigned"} {
		key, err := softworld.NewKey(kind)
		check(t, err)
		_, err = w.Generate(ident, key)
		check(t, err)
	}
	if good, err := w.Chain.Readable(); err != nil || len(good) != 4 {
		t.Fatalf("%d keys, %v", len(good), err)
	}
	altered := w.Chain.KeyPath("altered")
	data, err := os.ReadFile(altered)
	check(t, err)
	check(t, os.WriteFile(altered, []byte(strings.Replace(string(data), "Key altered", "Key ALTERED", 1)), 0o600))
	check(t, os.Remove(w.Chain.KeyPath("unsigned")+".sig"))
	check(t, os.Remove(w.Chain.KeyPath("lost")))
	good, err := w.Chain.Readable()
	if len(good) != 1 || good[0].Ident != "good" || exitcode.Of(err) != exitcode.Check {
		t.Errorf("%d keys, %v", len(good), err)
	}
	const cure = "put that file and its .sig back from your copy of kmdata; the key itself is on the HSM"
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{altered, w.Chain.KeyPath("unsigned"), "lost"} {
		if i >= len(lines) || !strings.Contains(lines[i], want) {
			t.Errorf("%q does not name %s", lines, want)
		}
	}
	if !strings.Contains(exitcode.HintOf(err), cure) {
		t.Errorf("%q", exitcode.HintOf(err))
	}
	check(t, os.RemoveAll(w.Dir))
	if good, err := w.Chain.Readable(); err == nil || good != nil {
		t.Errorf("%d keys of a folder that is gone", len(good))
	}
}
