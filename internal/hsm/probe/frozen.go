package probe

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// Target is what is probed: an object, and the template that it must keep.
type Target struct {
	Object   p11.Object
	Name     string // for messages
	Class    p11.Class
	Template p11.Template
}

// Frozen reads the template back and tries to undo each frozen attribute, by
// setting it, and by copies in which it is different, to the session and to
// the token. A trusted object must not be copied as it is, either.
func (p *Prober) Frozen(k Target) error {
	if err := p.FrozenInPlace(k); err != nil {
		return err
	}
	return p.copies(k)
}

// FrozenInPlace is Frozen without copies.
func (p *Prober) FrozenInPlace(k Target) error {
	if err := p.s.Shows(k.Object, k.Name, k.Template); err != nil {
		return err
	}
	return p.eachFrozen(k, p.refusesSetting)
}

// FrozenInCopies is Frozen without setting anything.
func (p *Prober) FrozenInCopies(k Target) error {
	if err := p.s.Shows(k.Object, k.Name, k.Template); err != nil {
		return err
	}
	return p.copies(k)
}

func (p *Prober) copies(k Target) error {
	if err := p.eachFrozen(k, p.refusesCopies); err != nil {
		return err
	}
	return p.staysAlone(k)
}

func (p *Prober) eachFrozen(k Target, try func(Target, p11.Attribute) error) error {
	for _, a := range k.Template {
		if !a.Frozen {
			continue
		}
		if err := try(k, a); err != nil {
			return err
		}
	}
	return nil
}

// staysAlone copies a trusted object as it is. A copy would outlive it: in a
// session of the operator's it would wrap for replaced cards, or be an anchor
// of an earlier statement.
func (p *Prober) staysAlone(k Target) error {
	trusted := k.Template.Only(pkcs11.CKA_TRUSTED)
	if len(trusted) == 0 || !trusted[0].Value {
		return nil
	}
	for _, place := range []p11.Place{p11.SessionObject, p11.TokenObject} {
		if err := p.refusesTwin(k, place); err != nil {
			return err
		}
	}
	return nil
}

func (p *Prober) refusesTwin(k Target, place p11.Place) error {
	twin, err := p.copyTo(place, k.Object, nil)
	if err == nil {
		defer p.s.Discard(twin)
		if trusted, err := p.s.Flag(twin, pkcs11.CKA_TRUSTED); err != nil || !trusted {
			return err
		}
	}
	return p.refused(attempt{
		gain:    fmt.Sprintf("%s can be copied to the %v, where the copy is trusted as well and outlives it", k.Name, place),
		err:     err,
		name:    fmt.Sprintf("copy %v %v", k.Class, place),
		control: p.copiesPlain(k.Class, place),
	})
}

// copiesPlain is the control of every copy: of an object that has no
// restriction, with every use.
func (p *Prober) copiesPlain(class p11.Class, place p11.Place) func() error {
	return func() error {
		plain, err := p.plain(class)
		if err != nil {
			return err
		}
		return givesUses(uses(class), func(t p11.Template) error {
			wider, err := p.copyTo(place, plain, t.Raw())
			if err == nil {
				p.s.Discard(wider)
			}
			return err
		})
	}
}

// unknown reports whether the module refused an attribute that it does not show
// either: one that it does not know gains nothing.
func (p *Prober) unknown(o p11.Object, a p11.Attribute, refused error) bool {
	if !p11.Is(refused, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID) {
		return false
	}
	_, err := p.s.Read(o, a.Type)
	return p11.Is(err, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID)
}

func (p *Prober) refusesCopies(k Target, a p11.Attribute) error {
	for _, place := range []p11.Place{p11.SessionObject, p11.TokenObject} {
		if err := p.refusesCopy(k, a, place); err != nil {
			return err
		}
	}
	return nil
}

// refusesSetting sets an attribute to its opposite. A token may also say yes
// and leave it as it was.
func (p *Prober) refusesSetting(k Target, a p11.Attribute) error {
	err := p.s.Set(k.Object, a.Opposite())
	if err == nil {
		if now, err := p.s.Flag(k.Object, a.Type); err != nil || now == a.Value {
			return err
		}
	}
	if p.unknown(k.Object, a, err) {
		return nil
	}
	return p.refused(attempt{
		gain:    fmt.Sprintf("CKA_%s of %s can be set to %t (%s)", a.Name(), k.Name, !a.Value, a.Why),
		err:     err,
		name:    "set " + k.Class.String(),
		control: p.setsPlain(k.Class),
	})
}

// setsPlain is the control of every C_SetAttributeValue.
func (p *Prober) setsPlain(class p11.Class) func() error {
	return func() error {
		plain, err := p.plain(class)
		if err != nil {
			return err
		}
		return givesUses(uses(class), func(t p11.Template) error { return p.s.Set(plain, t.Raw()) })
	}
}

// givesUses gives an object uses: all at once, or, where the module does not know
// one of them, or, as NSS softoken, does not have it for such an object, the first
// that it has.
func givesUses(all p11.Template, give func(p11.Template) error) error {
	err := give(all)
	if !p11.Is(err, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID) {
		return err
	}
	for _, use := range all {
		if one := give(p11.Template{use}); !p11.Is(one, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID) {
			return one
		}
	}
	return err
}

// refusesCopy copies an object with an attribute's opposite.
func (p *Prober) refusesCopy(k Target, a p11.Attribute, place p11.Place) error {
	weaker, err := p.copyTo(place, k.Object, a.Opposite())
	if err == nil {
		defer p.s.Discard(weaker)
		if gains, err := p.gains(weaker, k.Class, a); err != nil || !gains {
			return err
		}
	}
	if p.unknown(k.Object, a, err) {
		return nil
	}
	return p.refused(attempt{
		gain:    fmt.Sprintf("%s can be copied to the %v with CKA_%s=%t (%s)", k.Name, place, a.Name(), !a.Value, a.Why),
		err:     err,
		name:    fmt.Sprintf("copy %v %v", k.Class, place),
		control: p.copiesPlain(k.Class, place),
	})
}

func (p *Prober) copyTo(place p11.Place, o p11.Object, changed []*pkcs11.Attribute) (p11.Object, error) {
	first := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, Label),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, place == p11.TokenObject),
	}
	return p.s.Copy(o, append(first, changed...))
}

// gains reports whether a copy is worth something to an attacker: a copy of a
// public key that is no longer trusted is not, since anyone can make one.
func (p *Prober) gains(weaker p11.Object, class p11.Class, a p11.Attribute) (bool, error) {
	values, err := p.s.Attributes(weaker, a.Type, pkcs11.CKA_TRUSTED)
	if err != nil {
		return false, err
	}
	changed, trusted := p11.Truth(values[0]) != a.Value, p11.Truth(values[1])
	return changed && (class != p11.PublicKey || trusted), nil
}

// uses are what a control gives to an object that may have them: what the
// restrictions forbid to a trusted key, or to a transfer copy.
func uses(class p11.Class) p11.Template {
	types := []uint{pkcs11.CKA_SIGN, pkcs11.CKA_DERIVE}
	switch class {
	case p11.PublicKey:
		types = []uint{pkcs11.CKA_ENCRYPT, pkcs11.CKA_VERIFY}
	case p11.SecretKey:
		types = append(types, pkcs11.CKA_ENCRYPT, pkcs11.CKA_DECRYPT, pkcs11.CKA_UNWRAP)
	}
	var t p11.Template
	for _, use := range types {
		t = append(t, p11.Has(use, true, "may be had by what is not restricted"))
	}
	return t
}

// Closed does what frozen does and, of a secret key, [Prober.Unreadable].
func (p *Prober) Closed(k Target, frozen func(Target) error) error {
	if err := frozen(k); err != nil || k.Class != p11.SecretKey {
		return err
	}
	return p.Unreadable(k, pkcs11.CKA_VALUE)
}

// Unreadable tries to read the secret part of a key.
func (p *Prober) Unreadable(k Target, secretPart uint) error {
	empty, err := p.read(k.Object, secretPart)
	if empty {
		return nil
	}
	return p.refused(attempt{
		gain: fmt.Sprintf("the value of %s can be read", k.Name),
		err:  err,
		name: "read",
		control: func() error {
			readable := worthless(p11.SessionObject).With(p11.Has(pkcs11.CKA_SENSITIVE, false, "is to be read"))
			o, err := p.generateAES(readable, 32)
			if err != nil {
				return err
			}
			defer p.s.Discard(o)
			_, err = p.read(o, pkcs11.CKA_VALUE)
			return err
		},
	})
}

func (p *Prober) read(o p11.Object, attribute uint) (empty bool, err error) {
	values, err := p.s.Read(o, attribute)
	if err != nil {
		return false, err
	}
	defer clear(values[0])
	return len(values[0]) == 0, nil
}
