package keys_test

import (
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/testkit/rig"
)

// TestMade: of a list that is gone through again, a key that is there is made; one
// that is there otherwise than asked for is refused.
func TestMade(t *testing.T) {
	r := rig.NewKeyWorld(t)
	_, err := follow(r, "second", "first", "P-256")
	rig.OK(t, err)
	const other = "choose another --ident, or byok-offline key list"
	for _, c := range []struct {
		name, ident, kind, replaces string
		made                        bool
		text                        string
	}{
		{"not there", "new", "P-256", "", false, ""},
		{"there", "first", "P-256", "", true, ""},
		{"there, and follows", "second", "P-256", "first", true, ""},
		{"of another kind", "first", "P-384", "", false,
			"key_simple_first is there already, and is P-256, not the P-384 that is asked for"},
		{"follows another", "second", "P-256", "", false,
			"key_simple_second is there already, and replaces first, not no key as is asked for"},
		{"no ident", "../x", "P-256", "", false, ""},
	} {
		g := keys.Generation{Ident: c.ident, Spec: hsm.Spec{Kind: mustKind(c.kind)}, Replaces: c.replaces}
		made, err := g.Made(r.Chain(t))
		if c.text != "" {
			r.Refused(t, err, exitcode.Refused, c.text, other)
			continue
		}
		if rig.OK(t, err); made != c.made {
			t.Errorf("%s: made %t", c.name, made)
		}
	}
}

// TestApproved finds the approval of a key for a KEK and a target, and no other.
func TestApproved(t *testing.T) {
	r := rig.NewKeyWorld(t)
	k, other := rig.NewKEK(t, "KEK1"), rig.NewKEK(t, "KEK2")
	transfer := transferOf(t, r, k, "first", "First")
	files, err := approve(r, transfer)
	rig.OK(t, err)
	chain := r.Chain(t)
	file, err := chain.Key("first")
	rig.OK(t, err)
	e, found, err := keys.Approved(chain, file, k.ID(), transfer.Target)
	rig.OK(t, err)
	if !found || e.Number() != files[0].Copy.Number {
		t.Errorf("found %t, %v", found, e)
	}
	renamed := transfer.Target
	renamed.Name = "Second"
	if _, found, err := keys.Approved(chain, file, k.ID(), renamed); found || err != nil {
		t.Errorf("under another name: %t, %v", found, err)
	}
	if _, found, err := keys.Approved(chain, file, other.ID(), transfer.Target); found || err != nil {
		t.Errorf("for another KEK: %t, %v", found, err)
	}
	if p := transfer.Packages(); p.Package != k.KEKPackageHash() || p.World != k.SecurityWorldPackageHash() {
		t.Errorf("%+v", p)
	}
}
