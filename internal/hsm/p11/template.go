package p11

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"math/big"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// Attribute is a boolean attribute of a key object and why it has that value.
type Attribute struct {
	Type   uint // CKA_…
	Value  bool
	Frozen bool // an attempt to undo it must fail
	Why    string
}

// Has is an attribute with a value.
func Has(attribute uint, value bool, why string) Attribute {
	return Attribute{attribute, value, false, why}
}

// Stays is an attribute with a value that must not be undone.
func Stays(attribute uint, value bool, why string) Attribute {
	return Attribute{attribute, value, true, why}
}

// Name returns the attribute's name without CKA_.
func (a Attribute) Name() string { return names[a.Type] }

// Opposite is a template with the attribute's other value.
func (a Attribute) Opposite() []*pkcs11.Attribute {
	return []*pkcs11.Attribute{pkcs11.NewAttribute(a.Type, !a.Value)}
}

// Template is the set of boolean attributes that a kind of object is made
// with. The last to be applied stands last: SoftHSM accepts nothing after
// MODIFIABLE=false.
type Template []Attribute

// With returns the template with other values for some of its attributes.
// Those that it does not have are added behind.
func (t Template) With(changed ...Attribute) Template {
	out := slices.Clone(t)
	for _, a := range changed {
		i := slices.IndexFunc(out, func(b Attribute) bool { return b.Type == a.Type })
		if i < 0 {
			out = append(out, a)
			continue
		}
		out[i] = a
	}
	return out
}

// Without returns the template without some attributes.
func (t Template) Without(types ...uint) Template {
	return slices.DeleteFunc(slices.Clone(t), func(a Attribute) bool { return slices.Contains(types, a.Type) })
}

// Only returns the template with some of its attributes.
func (t Template) Only(types ...uint) Template {
	return slices.DeleteFunc(slices.Clone(t), func(a Attribute) bool { return !slices.Contains(types, a.Type) })
}

// Limits returns what restricts an object: what must not be undone, and the uses
// that it must not have. COPYABLE, which some modules do not know, is left out.
func (t Template) Limits() Template {
	t = t.Without(Copyable, pkcs11.CKA_TOKEN, pkcs11.CKA_PRIVATE, pkcs11.CKA_EXTRACTABLE)
	return slices.DeleteFunc(t, func(a Attribute) bool { return a.Value && !a.Frozen })
}

// Types lists the template's attributes.
func (t Template) Types() []uint {
	types := make([]uint, len(t))
	for i, a := range t {
		types[i] = a.Type
	}
	return types
}

// Raw gives the template to miekg/pkcs11, behind the other attributes.
func (t Template) Raw(before ...*pkcs11.Attribute) []*pkcs11.Attribute {
	list := slices.Clone(before)
	for _, a := range t {
		list = append(list, pkcs11.NewAttribute(a.Type, a.Value))
	}
	return list
}

// Shows compares an object's attributes, as the token gives them back, with
// the template. name is for messages. COPYABLE is not compared: see
// [Session.LeftOut].
func (s *Session) Shows(o Object, name string, t Template) error {
	_, err := s.ShowsWith(o, name, t)
	return err
}

// ShowsWith is Shows, and reads other attributes in the same call.
func (s *Session) ShowsWith(o Object, name string, t Template, others ...uint) ([][]byte, error) {
	t = t.Without(Copyable)
	types := slices.Clone(others)
	for _, a := range t {
		types = append(types, a.Type)
	}
	values, err := s.Attributes(o, types...)
	if err != nil {
		return nil, fmt.Errorf("reading the attributes of %s: %w", name, err)
	}
	for i, a := range t {
		if got := Truth(values[len(others)+i]); got != a.Value {
			return nil, exitcode.Errorf(exitcode.HSM, "%v shows CKA_%s=%t on %s instead of %t (%s)",
				s.Token, a.Name(), got, name, a.Value, a.Why)
		}
	}
	return values[:len(others)], nil
}

// Naming is the label and the CKA_ID of an object.
func Naming(label string, id []byte) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, id)}
}

// Classed is the class and the key type of an object.
func Classed(class Class, keyType uint) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, uint(class)),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, keyType),
	}
}

// RSAPublic is an RSA public key by value.
func RSAPublic(key *rsa.PublicKey) []*pkcs11.Attribute {
	return append(Classed(PublicKey, pkcs11.CKK_RSA),
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS, key.N.Bytes()),
		pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, Exponent(uint32(key.E))))
}

// Exponent is an RSA public exponent as a CKA_PUBLIC_EXPONENT.
func Exponent(e uint32) []byte { return big.NewInt(int64(e)).Bytes() }

// NewID returns a CKA_ID: 16 random bytes, so that a key is found by what no
// person has typed.
func NewID() []byte { return Random(16) }

// Random returns n random bytes that are not secret.
func Random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails (Go 1.24)
	return b
}
