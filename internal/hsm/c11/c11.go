// Package c11 generates keys through crypto11, from complete templates.
//
// Use it through package hsm, which opens and closes crypto11 around a user's
// session: crypto11 initialises the library itself.
package c11

import (
	"strings"

	"github.com/ThalesIgnite/crypto11"
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/keykind"
)

// Maker generates through crypto11, which keeps its handles to itself: what it
// made is found by its CKA_ID.
type Maker struct {
	Context *crypto11.Context
	Session *p11.Session // logged in as well
	// One returns the only object of a list; label is for messages.
	One func(label string, found []p11.Object) (p11.Object, error)
}

// Pair generates a key pair. Both templates have the CKA_ID.
func (m Maker) Pair(kind keykind.Kind, public, private []*pkcs11.Attribute) (half, key p11.Object, err error) {
	publicSet, privateSet := set(public), set(private)
	if kind.Type == keykind.RSA {
		_, err = m.Context.GenerateRSAKeyPairWithAttributes(publicSet, privateSet, kind.Bits)
	} else {
		_, err = m.Context.GenerateECDSAKeyPairWithAttributes(publicSet, privateSet, kind.EllipticCurve())
	}
	if err != nil && !Own(err) { // the pair is there, in a form that package publickey reads
		return 0, 0, RootCause(err)
	}
	id := privateSet[pkcs11.CKA_ID].Value
	if half, err = m.byID(p11.PublicKey, id); err != nil {
		return 0, 0, err
	}
	key, err = m.byID(p11.PrivateKey, id)
	return half, key, err
}

// Secret generates an AES key. The template has the CKA_ID.
func (m Maker) Secret(kind keykind.Kind, template []*pkcs11.Attribute) (p11.Object, error) {
	s := set(template)
	if _, err := m.Context.GenerateSecretKeyWithAttributes(s, kind.Bits, crypto11.CipherAES); err != nil {
		return 0, RootCause(err)
	}
	return m.byID(p11.SecretKey, s[pkcs11.CKA_ID].Value)
}

func (m Maker) byID(class p11.Class, id []byte) (p11.Object, error) {
	found, err := m.Session.Find(
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, uint(class)), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_ID, id))
	if err != nil {
		return 0, err
	}
	return m.One("the generated key", found)
}

// Pairs are the key pairs that were found in a login, each searched for once: the
// handles that crypto11 keeps of one are good until the login ends. What signs with
// them verifies each signature. The zero value is ready to use.
type Pairs struct{ found map[string][]crypto11.Signer }

// Find finds the key pairs with a CKA_ID and a label.
func (p *Pairs) Find(context *crypto11.Context, id []byte, label string) ([]crypto11.Signer, error) {
	name := string(id) + label
	if pairs, known := p.found[name]; known {
		return pairs, nil
	}
	pairs, err := context.FindKeyPairs(id, []byte(label))
	if err != nil {
		return nil, err
	}
	if p.found == nil {
		p.found = map[string][]crypto11.Signer{}
	}
	p.found[name] = pairs
	return pairs, nil
}

// set gives a template to crypto11.
func set(template []*pkcs11.Attribute) crypto11.AttributeSet {
	s := crypto11.NewAttributeSet()
	for _, a := range template {
		s[a.Type] = a
	}
	return s
}

// BeforeLogin reports whether crypto11 could not be configured for a reason that
// comes before its login: no PIN was tried.
func BeforeLogin(err error) bool {
	_, bare := err.(pkcs11.Error) // of a slot
	return bare || Own(err) || strings.HasPrefix(err.Error(), "failed to list PKCS#11 slots") ||
		strings.HasPrefix(err.Error(), "failed to create long term session")
}

// Own reports whether err is crypto11's own and not the token's, such as of a
// public key that is there and that it cannot read.
func Own(err error) bool {
	if err == nil {
		return false
	}
	_, fromToken := RootCause(err).(pkcs11.Error)
	return !fromToken
}

// RootCause unwraps crypto11's errors, which use github.com/pkg/errors' Cause.
func RootCause(err error) error {
	type causer interface{ Cause() error }
	for {
		c, ok := err.(causer)
		if !ok {
			return err
		}
		err = c.Cause()
	}
}
