package worldcheck_test

import (
	"os"
	"path/filepath"
	"testing"

	"byok/internal/hsmattest"
	"byok/internal/keys"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

// TestAttestations: one that a quorum saw must be there, one that no quorum saw is
// accounted for by its hash, and a file of another name is none.
func TestAttestations(t *testing.T) {
	r := rig.NewKeyWorld(t)
	k := rig.NewKEK(t, "KEK1")
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		_, err := keys.Quorum{Quorum: s}.Approve([]keys.Transfer{{
			Ident: "first", KEK: k.KEK, Attestation: hsmattest.Attached{Data: []byte("what the vendor says")},
			Target: statement.Target{Vault: k.ID().Vault, Name: "First", KeyOps: []string{"sign"}},
		}})
		return err
	}))
	chain := r.Chain(t)
	rig.OK(t, chain.WriteHSMAttestation([]byte("of an interrupted command")))
	r.Whole(t)
	_, a, err := chain.Authorization(chain.Last().Number())
	rig.OK(t, err)
	path := chain.HSMAttestationPath(a.Pairs[0].HSM.SHA256)
	rig.OK(t, os.Rename(path, filepath.Join(filepath.Dir(path), "vendor.pem")))
	r.Finds(t, "attestation of first", "FAIL: DIR/local/attestations/SHA256: no such file")
	r.Finds(t, "files of kmdata", "FAIL: DIR/local/attestations/vendor.pem is not named by a hash")
}
