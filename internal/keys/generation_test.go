package keys_test

import (
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/keys"
	"byok/internal/testkit/rig"
	"byok/internal/testkit/softworld"
)

// A request that the key file could not hold is refused before the HSM makes
// the key.
func TestGenerationCheck(t *testing.T) {
	dir := t.TempDir()
	w := inSoftware(t, dir)
	for _, c := range []struct {
		name string
		keys.Generation
		code exitcode.Code
		want string // "" is allowed
	}{
		{"named by its ident", keys.Generation{Ident: "new"}, exitcode.Done, ""},
		{"with a name", keys.Generation{Ident: "new", PlainName: "Clé de signature"}, exitcode.Done, ""},
		{"the longest name", keys.Generation{Ident: "new", PlainName: strings.Repeat("a", 127)}, exitcode.Done, ""},
		{"name too long", keys.Generation{Ident: "new", PlainName: strings.Repeat("a", 128)}, exitcode.Usage,
			"field plainname: it has 128 bytes; at most 127 are allowed"},
		{"name of two lines", keys.Generation{Ident: "new", PlainName: "a\nb"}, exitcode.Usage,
			"field plainname: it is not one line of printable characters"},
		{"name that steers the terminal", keys.Generation{Ident: "new", PlainName: "a\x1b[2J"}, exitcode.Usage,
			"field plainname: it is not one line of printable characters"},
		{"name that begins with a blank", keys.Generation{Ident: "new", PlainName: " a"}, exitcode.Usage,
			"field plainname: it begins or ends with a blank"},
		{"no ident", keys.Generation{}, exitcode.Usage, "the key identifier is empty"},
		{"ident of a path", keys.Generation{Ident: "../x"}, exitcode.Usage,
			`key identifier "../x": expected digits, dashes and lower-case letters`},
		{"ident that is taken", keys.Generation{Ident: "first"}, exitcode.Refused,
			"DIR/local/key_simple_first: there is a key of that name already"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.Check(w.Chain)
			if c.want == "" && err == nil {
				return
			}
			if err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != c.want || exitcode.Of(err) != c.code {
				t.Errorf("\n got %v, status %d\nwant %s, status %d", err, exitcode.Of(err), c.want, c.code)
			}
		})
	}
}

// inSoftware makes a world in software with the key first.
func inSoftware(t *testing.T, dir string) *softworld.World {
	t.Helper()
	w, err := softworld.New(dir, softworld.Options{})
	if err != nil {
		t.Fatal(err)
	}
	key, err := softworld.NewKey(rig.Kind(t, "P-256"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Generate("first", key); err != nil {
		t.Fatal(err)
	}
	return w
}
