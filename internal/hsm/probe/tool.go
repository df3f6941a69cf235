package probe

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/inventory"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/wrapping"
)

// What follows is for modules whose keys a vendor's tool trusts: that a key is
// trusted shows in what it wraps, and not in an attribute.

// Untrusted proves that an RSA key which no one has trusted yet wraps no key
// with WRAP_WITH_TRUSTED, and that it wraps others. name is for messages.
func (p *Prober) Untrusted(o p11.Object, name string) error {
	key, err := p.restricted()
	if err != nil {
		return err
	}
	return p.refused(attempt{
		gain:    name + " wraps a key with WRAP_WITH_TRUSTED before anybody has trusted it",
		err:     p.wrapOnce(o, key),
		name:    "wrap under " + name,
		control: func() error { return p.wrapsPlain(o) },
	})
}

// IsTrusted reports whether an RSA key wraps a key with WRAP_WITH_TRUSTED. An
// answer that is not a refusal is an error.
func (p *Prober) IsTrusted(o p11.Object) (bool, error) {
	key, err := p.restricted()
	if err != nil {
		return false, err
	}
	err = p.wrapOnce(o, key)
	if err == nil || p11.Refusal(err) {
		return err == nil, nil
	}
	return false, p11.Fail("C_WrapKey of a worthless key with CKM_RSA_AES_KEY_WRAP", err)
}

// TrustedAlone proves that a key with WRAP_WITH_TRUSTED, which the trusted key o
// wraps, is wrapped by no other: by no key that the user makes, and by none that
// the token holds.
func (p *Prober) TrustedAlone(o p11.Object) error {
	key, err := p.restricted()
	if err != nil {
		return err
	}
	items, err := inventory.All(p.s)
	if err != nil {
		return err
	}
	for _, i := range items {
		if i.Object == o || i.Class != p11.PublicKey && i.Class != p11.SecretKey {
			continue
		}
		if p.wrapsByAny(i, key) {
			return p.notEnforced(fmt.Sprintf("%v %q wraps a key with WRAP_WITH_TRUSTED as well", i.Class, i.Label))
		}
	}
	return p.WrapWithTrusted(Target{Object: key, Name: "a worthless key", Class: p11.SecretKey})
}

// wrapsByAny reports whether a key of the token wraps another by any mechanism
// of the table.
func (p *Prober) wrapsByAny(i inventory.Item, key p11.Object) bool {
	for _, w := range wrapping.Table {
		if _, err := p.s.Wrap(w.Make(), i.Object, key); err == nil {
			return true
		}
	}
	return false
}

func (p *Prober) wrapOnce(outer, o p11.Object) error {
	_, err := p.s.Wrap(p11.RSAAES(), outer, o)
	return err
}

func (p *Prober) wrapsPlain(outer p11.Object) error {
	plain, err := p.plain(p11.SecretKey)
	if err != nil {
		return err
	}
	return p.wrapOnce(outer, plain)
}

// WrapsRestricted wraps a worthless key with WRAP_WITH_TRUSTED under a trusted RSA
// key, in one call (CKM_RSA_AES_KEY_WRAP) or with RSA-OAEP.
func (p *Prober) WrapsRestricted(o p11.Object, oneCall bool) error {
	key, err := p.restricted()
	if err != nil {
		return err
	}
	m := p11.OAEP()
	if oneCall {
		m = p11.RSAAES()
	}
	if _, err := p.s.Wrap(m, o, key); err != nil {
		return p11.Fail("C_WrapKey of a worthless key with WRAP_WITH_TRUSTED", err)
	}
	return nil
}

// Holds reports whether an object with the CKA_ID is there.
func (p *Prober) Holds(id []byte) (bool, error) {
	found, err := p.s.Find(pkcs11.NewAttribute(pkcs11.CKA_ID, id))
	return len(found) > 0, err
}

// restricted returns a worthless AES key with WRAP_WITH_TRUSTED.
func (p *Prober) restricted() (p11.Object, error) {
	return p.object("restricted", func() (p11.Object, error) {
		return p.generateAES(worthless(p11.SessionObject).With(
			p11.Has(pkcs11.CKA_WRAP, false, "is to be wrapped alone"),
			p11.Has(pkcs11.CKA_WRAP_WITH_TRUSTED, true, "is to be refused"),
		), 32)
	})
}
