package session_test

import (
	"testing"

	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

// TestSignatures: the operator signs with the KML that the statement certifies,
// the quorum with the KNSO of its card set.
func TestSignatures(t *testing.T) {
	r := rig.NewWorld(t)
	text := []byte("text")
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		kml, err := o.Module.Signer()
		rig.OK(t, err)
		sig, err := o.Sign(text)
		rig.OK(t, err)
		return keykind.VerifySignature(kml, text, sig)
	}))
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		knso, err := s.Set().KNSO.Signer()
		rig.OK(t, err)
		sig, err := s.KNSO().Sign(text)
		rig.OK(t, err)
		return keykind.VerifySignature(knso, text, sig)
	}))
}

// TestIdentityOf: a key is known by its public half, an AES key by its check
// value.
func TestIdentityOf(t *testing.T) {
	r := rig.NewWorld(t)
	for ident, kind := range map[string]string{"ec": "P-256", "aes": "AES-256"} {
		rig.OK(t, generate(r, ident, hsm.Spec{Kind: rig.Kind(t, kind)}))
		rig.OK(t, r.Operator(func(o *session.Operator) error {
			file, err := o.Chain.Key(ident)
			rig.OK(t, err)
			key, err := o.User.FindKey(file.Name())
			rig.OK(t, err)
			identity, err := session.IdentityOf(o.User.Session, key)
			rig.OK(t, err)
			if identity.PublicKey != file.PublicKey || identity.CheckValue != file.CheckValue || identity.Secret() != (ident == "aes") {
				t.Errorf("%s: %q, check value %q", ident, identity.PublicKey, identity.CheckValue)
			}
			return nil
		}))
	}
}

// TestTrustedKeys names what the module holds for the world.
func TestTrustedKeys(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		id, keys := o.Module.Module, o.TrustedKeys()
		if len(keys) != 2 || keys[statement.KMLabel(id, 1)] != hsm.PublicKey || keys[statement.KWLabel(id, 1)] != hsm.SecretKey {
			t.Errorf("%v", keys)
		}
		return nil
	}))
}
