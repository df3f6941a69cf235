package keys_test

import (
	"testing"

	"byok/internal/exitcode"
	"byok/internal/keys"
	"byok/internal/testkit/rig"
)

// TestAllowed: what is refused before anybody is asked, and what a run that was
// cut short may go on with.
func TestAllowed(t *testing.T) {
	r := rig.NewKeyWorld(t)
	for name, allowed := range map[string]func() error{
		"key-retire": func() error { _, err := keys.Retirable(r.Chain(t), "first"); return err },
		"key-freeze": func() error { _, err := keys.Freezable(r.Chain(t), "first"); return err },
	} {
		rig.OK(t, allowed())
		plant(t, r, name, "first")
		if err := allowed(); exitcode.Of(err) != exitcode.Usage { // a note of another operation's form
			t.Errorf("%s: %v", name, err)
		}
	}
}
