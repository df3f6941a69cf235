package kmdata_test

import (
	"os"
	"slices"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/kmdata"
)

// A key that a statement names has a file; where that is gone, the newest
// statement says so.
func TestUnfiled(t *testing.T) {
	f := copied(t)
	c := must(kmdata.Open(f.dir))(t)
	check(t, c.CheckFiles())
	var named []string
	for _, s := range c.Named() {
		named = append(named, s.Ident)
		if k := must(c.Key(s.Ident))(t); !k.Identity.Same(s.Identity) {
			t.Errorf("%v names another key than %s", s.By, k.Name())
		}
	}
	if len(named) == 0 || !slices.IsSorted(named) {
		t.Errorf("%q", named)
	}
	ident := named[0]
	f.remove(c.KeyPath(ident))
	unfiled := must(c.Unfiled())(t)
	if len(unfiled) != 1 || unfiled[0].Ident != ident {
		t.Errorf("%+v", unfiled)
	}
	f.refused(c.CheckFiles(), exitcode.Check, unfiled[0].By.String()+" names key_simple_"+ident+
		", and its file DIR/local/key_simple_"+ident+" is missing")
	check(t, os.RemoveAll(f.dir))
	check(t, os.WriteFile(f.dir, nil, 0o600))
	if err := c.CheckFiles(); err == nil {
		t.Error("a file in the place of the folder")
	}
}
