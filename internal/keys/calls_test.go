package keys_test

import (
	"path/filepath"
	"testing"

	"byok/internal/hsm"
	"byok/internal/hsm/shim"
	"byok/internal/keys"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

// most is how many PKCS#11 calls the approval of one key for one KEK may take: a
// network HSM answers each after a round trip. More than half of them try to
// undo what KM, KW, the anchor and the transfer copy promise; some sixty are
// the PKCS#11 binding's, which asks for a length before each value.
const most = 320

// TestCalls counts the calls of the quorum session.
func TestCalls(t *testing.T) {
	for _, name := range []string{"P-256", "RSA-2048", "AES-256"} {
		t.Run(name, func(t *testing.T) {
			r := rig.NewWorld(t)
			kind := rig.Kind(t, name)
			rig.OK(t, r.Quorum(func(s *session.Quorum) error {
				_, err := keys.Quorum{Quorum: s}.Generate(keys.Generation{Ident: "first", Spec: hsm.Spec{Kind: kind}})
				return err
			}))
			k := rig.NewKEK(t, "KEK1")
			target := statement.Target{Vault: k.ID().Vault, Name: "First", KeyOps: kind.KeyOps()}
			log := filepath.Join(t.TempDir(), "calls")
			t.Setenv("SHIM_LOG", log)
			rig.OK(t, r.Quorum(func(s *session.Quorum) error {
				_, err := keys.Quorum{Quorum: s}.Approve([]keys.Transfer{{Ident: "first", KEK: k.KEK, Target: target}})
				return err
			}))
			if n := len(shim.Calls(t, log)); n > most {
				t.Errorf("%d calls, expected at most %d", n, most)
			}
		})
	}
}
