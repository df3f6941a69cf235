package keys_test

import (
	"slices"
	"testing"

	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

// TestZeroBytesWarning: in production, before anyone approves, and where a key
// does not fill whole blocks.
func TestZeroBytesWarning(t *testing.T) {
	const warning = "SoftHSM v2 2.6 wraps with up to seven zero bytes after the key: " +
		"whether the Azure service takes that is not documented, so try it with a worthless key first"
	for _, c := range []struct {
		name       string
		production bool
		kind       string
		want       bool
	}{
		{"P-256 in production", true, "P-256", true},
		{"AES in production", true, "AES-256", false},
		{"P-256 in a rehearsal", false, "P-256", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.NewWorld(t)
			kind, newKEK := rig.Kind(t, c.kind), rig.NewKEK
			if c.production {
				newKEK = rig.NewProductionKEK
			}
			k := newKEK(t, "KEK1")
			before := false
			r.People.Approve = func(string) error {
				before = slices.Contains(r.People.Warned, warning)
				return nil
			}
			rig.OK(t, r.Quorum(func(s *session.Quorum) error {
				s.Chain.World().Rehearsal = !c.production // a rig has no disks of their own for cards
				q := keys.Quorum{Quorum: s}
				if _, err := q.Generate(keys.Generation{Ident: "first", Spec: hsm.Spec{Kind: kind}}); err != nil {
					return err
				}
				target := statement.Target{Vault: k.ID().Vault, Name: "First", KeyOps: kind.KeyOps()}
				_, err := q.Approve([]keys.Transfer{{Ident: "first", KEK: k.KEK, Target: target}})
				return err
			}))
			if before != c.want {
				t.Errorf("said before the approval: %t; warnings %q", before, r.People.Warned)
			}
		})
	}
}
