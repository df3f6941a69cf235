package keys_test

import (
	"crypto"
	"crypto/x509"
	"testing"

	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/worldcheck"
)

func TestMain(m *testing.M) { rig.Main(m) }

// TestFlow takes a key from its generation to the vault.
func TestFlow(t *testing.T) {
	r := rig.NewWorld(t)
	kind := rig.Kind(t, "P-256")
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		_, err := keys.Quorum{Quorum: s}.Generate(keys.Generation{Ident: "first", Spec: hsm.Spec{Kind: kind}})
		return err
	}))
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		rows, err := worldcheck.Token(o, nil)
		t.Log(rows)
		return err
	}))
	k := rig.NewKEK(t, "KEK1")
	var copied *kmdata.Key
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		target := statement.Target{Vault: k.ID().Vault, Name: "First", KeyOps: kind.KeyOps()}
		files, err := keys.Quorum{Quorum: s}.Approve([]keys.Transfer{{Ident: "first", KEK: k.KEK, Target: target}})
		if err == nil {
			copied = files[0]
		}
		return err
	}))
	key, err := x509.ParsePKCS8PrivateKey(k.Open(t, copied.Copy.Ciphertext))
	rig.OK(t, err)
	if !keykind.SamePublicKey(key.(crypto.Signer).Public(), copied.Public()) {
		t.Error("another key was wrapped")
	}
}
