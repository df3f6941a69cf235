package policy

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// Attrs is the set of the boolean attributes of an object that are true.
type Attrs uint32

// The attributes of the model. Those that no rule asks for are here because the
// templates have them.
const (
	Token Attrs = 1 << iota
	Private
	Sensitive
	Extractable
	WrapWithTrusted
	Trusted
	Wrap
	Unwrap
	Encrypt
	Decrypt
	Sign
	SignRecover
	Verify
	VerifyRecover
	Derive
	Modifiable
	Copyable
	Local
	AlwaysSensitive
)

var bits = map[uint]Attrs{
	pkcs11.CKA_TOKEN:             Token,
	pkcs11.CKA_PRIVATE:           Private,
	pkcs11.CKA_SENSITIVE:         Sensitive,
	pkcs11.CKA_EXTRACTABLE:       Extractable,
	pkcs11.CKA_WRAP_WITH_TRUSTED: WrapWithTrusted,
	pkcs11.CKA_TRUSTED:           Trusted,
	pkcs11.CKA_WRAP:              Wrap,
	pkcs11.CKA_UNWRAP:            Unwrap,
	pkcs11.CKA_ENCRYPT:           Encrypt,
	pkcs11.CKA_DECRYPT:           Decrypt,
	pkcs11.CKA_SIGN:              Sign,
	pkcs11.CKA_SIGN_RECOVER:      SignRecover,
	pkcs11.CKA_VERIFY:            Verify,
	pkcs11.CKA_VERIFY_RECOVER:    VerifyRecover,
	pkcs11.CKA_DERIVE:            Derive,
	pkcs11.CKA_MODIFIABLE:        Modifiable,
	p11.Copyable:                 Copyable,
	pkcs11.CKA_LOCAL:             Local,
	pkcs11.CKA_ALWAYS_SENSITIVE:  AlwaysSensitive,
}

// plainly is what no rule asks for: where an object is, and uses that wrap,
// open and reveal nothing.
const plainly = Token | Private | Sign | SignRecover | Verify | VerifyRecover

// Modelled returns the attributes that the rules ask for.
func Modelled() map[uint]Attrs {
	list := map[uint]Attrs{}
	for attribute, bit := range bits {
		if bit&(plainly|history) == 0 {
			list[attribute] = bit
		}
	}
	return list
}

// history is what the token alone sets.
const history = Local | AlwaysSensitive

// Has reports whether all of some attributes are true.
func (a Attrs) Has(some Attrs) bool { return a&some == some }

// with returns the attributes with a template applied.
func (a Attrs) with(t p11.Template) Attrs {
	for _, x := range t {
		if a &^= bits[x.Type]; x.Value {
			a |= bits[x.Type]
		}
	}
	return a
}

// usesOf lists the uses that a key of a class can have.
func usesOf(class p11.Class) Attrs {
	switch class {
	case p11.PublicKey:
		return Wrap | Encrypt | Verify | VerifyRecover
	case p11.PrivateKey:
		return Unwrap | Decrypt | Derive | Sign | SignRecover
	}
	return Wrap | Unwrap | Encrypt | Decrypt | Derive | Sign | Verify
}

// has is an attribute of a template that only the model makes.
func has(attribute uint, value bool) p11.Attribute { return p11.Has(attribute, value, "") }

// open is the template of a key of the attacker's own: every use, and no
// restriction.
func open(class p11.Class) p11.Template {
	t := p11.Template{has(pkcs11.CKA_TOKEN, false), has(pkcs11.CKA_PRIVATE, class != p11.PublicKey)}
	if class != p11.PublicKey {
		t = append(t, has(pkcs11.CKA_SENSITIVE, false), has(pkcs11.CKA_EXTRACTABLE, true))
	}
	for _, use := range []uint{
		pkcs11.CKA_WRAP, pkcs11.CKA_UNWRAP, pkcs11.CKA_ENCRYPT, pkcs11.CKA_DECRYPT, pkcs11.CKA_DERIVE,
	} {
		if usesOf(class).Has(bits[use]) {
			t = append(t, has(use, true))
		}
	}
	return t
}
