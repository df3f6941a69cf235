package world

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha1"
	"crypto/x509"
	"testing"

	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/kmdata"
)

func TestFlow(t *testing.T) {
	p := newWorld(t)
	ok(t, p.quorum(t, func(s *Session) error {
		_, err := s.Generate(Generation{Ident: "first", Spec: hsm.Spec{Kind: kindNamed(t, "P-256")}})
		return err
	}))
	ok(t, p.operator(t, func(o *Operator) error {
		rows, err := o.Check()
		for _, r := range rows {
			t.Log(r)
		}
		return err
	}))
	k := newKEK(t, "KEK1")
	var copied *kmdata.Key
	ok(t, p.quorum(t, func(s *Session) error {
		kind := kindNamed(t, "P-256")
		files, err := s.Approve([]Transfer{{Ident: "first", KEK: k.KEK, Target: kmdata.Target{Vault: k.ID().Vault, Name: "First", KeyOps: kind.KeyOps()}}})
		if err == nil {
			copied = files[0]
		}
		return err
	}))
	blob := copied.Copy.Ciphertext
	aes, err := k.private.Decrypt(nil, blob[:256], &rsa.OAEPOptions{Hash: crypto.SHA1})
	ok(t, err)
	der, err := keywrap.Unwrap(aes, blob[256:])
	ok(t, err)
	key, err := x509.ParsePKCS8PrivateKey(der)
	ok(t, err)
	if !keykind.SamePublicKey(key.(interface{ Public() crypto.PublicKey }).Public(), copied.Public()) {
		t.Error("another key was wrapped")
	}
	for _, s := range p.people.said {
		t.Log(s)
	}
}
