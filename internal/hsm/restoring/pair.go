// Package restoring has what a token unwraps a backup with, and what it takes to
// make that a whole key: the RSA pair of a session for which the backup's AES key
// is encrypted again, the attributes that a module has ignored, the public half.
//
// Use it through package hsm, which restores keys.
package restoring

import (
	"crypto/rsa"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/publickey"
	"byok/internal/hsm/templates"
	"byok/internal/keykind"
)

// Bits is the size of the pair. What is encrypted for it never leaves this
// process, and larger keys take an HSM seconds to generate.
const Bits = 2048

// Pair is a pair that unwraps, and does nothing else.
type Pair struct {
	Public  *rsa.PublicKey
	Private p11.Object
}

// Generate generates a pair of session objects with the label. It lives as long
// as the login.
func Generate(s *p11.Session, label string) (*Pair, error) {
	half, private, err := generate(s, label)
	if err != nil {
		return nil, err
	}
	public, err := publickey.ReadRSA(s, half)
	if err != nil {
		return nil, err
	}
	return &Pair{public, private}, nil
}

func generate(s *p11.Session, label string) (half, private p11.Object, err error) {
	kind, err := keykind.Lookup(keykind.RSA, Bits, "")
	if err != nil {
		return 0, 0, err
	}
	id := p11.NewID()
	t := p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, false, "ends with the session"),
		p11.Has(pkcs11.CKA_PRIVATE, false, "public"),
		p11.Has(pkcs11.CKA_WRAP, false, "encryption for it is done in software"),
	}
	half, private, err = s.GeneratePair(kind.Generation,
		t.Raw(append(p11.Naming(label, id), templates.Parameters(kind, 0)...)...),
		templates.Unwrapping().Raw(p11.Naming(label, id)...))
	if err != nil {
		return 0, 0, p11.Fail("C_GenerateKeyPair of a session RSA key", err)
	}
	return half, private, nil
}

// Unwrap unwraps an AES key that was encrypted for the pair with RSA-OAEP
// (SHA-1, MGF1-SHA1, no label) to a session object with the label.
func (p *Pair) Unwrap(s *p11.Session, label string, sealed []byte) (p11.Object, error) {
	o, err := s.Unwrap(p11.OAEP(), p.Private, sealed, templates.Unwrapping().Raw(
		append(p11.Naming(label, p11.NewID()), p11.Classed(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES)...)...))
	if err != nil {
		return 0, p11.Fail("C_UnwrapKey of the backup's AES key", err)
	}
	return o, nil
}
