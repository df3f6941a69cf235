package token

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

// Plain is what no rule asks for: where an object is, and uses that wrap,
// open and reveal nothing.
const Plain = Token | Private | Sign | SignRecover | Verify | VerifyRecover

// Modelled returns the attributes that the rules ask for.
func Modelled() map[uint]Attrs {
	list := map[uint]Attrs{}
	for attribute, bit := range bits {
		if bit&(Plain|History) == 0 {
			list[attribute] = bit
		}
	}
	return list
}

// History is what the token alone sets.
const History = Local | AlwaysSensitive

// Has reports whether all of some attributes are true.
func (a Attrs) Has(some Attrs) bool { return a&some == some }

// With returns the attributes with a template applied.
func (a Attrs) With(t p11.Template) Attrs {
	for _, x := range t {
		if a &^= bits[x.Type]; x.Value {
			a |= bits[x.Type]
		}
	}
	return a
}

// Exists reports whether objects of a class have an attribute of the model.
func Exists(attribute uint, class p11.Class) bool {
	switch bit := bits[attribute]; bit {
	case Modifiable, Copyable, Token, Private:
		return true
	case Sensitive, Extractable, WrapWithTrusted, Local, AlwaysSensitive:
		return class != p11.PublicKey
	case Trusted:
		return class != p11.PrivateKey
	default:
		return usesOf(class).Has(bit)
	}
}

// Generated returns the attributes with those that the token sets in a secret or
// private key that it generates.
func (a Attrs) Generated() Attrs {
	if a |= Local; a.Has(Sensitive) {
		a |= AlwaysSensitive
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

// Has is an attribute of a template that only the model makes.
func Has(attribute uint, value bool) p11.Attribute { return p11.Has(attribute, value, "") }

// Unrestricted is the template of a key of the attacker's own: a session object
// with every use of its class that the model has, and no restriction.
func Unrestricted(class p11.Class) p11.Template {
	t := p11.Template{Has(pkcs11.CKA_TOKEN, false), Has(pkcs11.CKA_PRIVATE, class != p11.PublicKey)}
	if class != p11.PublicKey {
		t = append(t, Has(pkcs11.CKA_SENSITIVE, false), Has(pkcs11.CKA_EXTRACTABLE, true))
	}
	for _, use := range []uint{
		pkcs11.CKA_WRAP, pkcs11.CKA_UNWRAP, pkcs11.CKA_ENCRYPT, pkcs11.CKA_DECRYPT, pkcs11.CKA_DERIVE,
	} {
		if usesOf(class).Has(bits[use]) {
			t = append(t, Has(use, true))
		}
	}
	return t
}
