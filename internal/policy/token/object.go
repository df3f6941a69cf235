package token

import (
	"strings"

	"byok/internal/hsm/p11"
)

// Object is an object as the module sees it, on the token or of a session.
type Object struct {
	Value Term // of a public key: its private half
	Class p11.Class
	Attrs Attrs
	// Mechanism is the only member of ALLOWED_MECHANISMS, or p11.NoMechanism.
	Mechanism uint
}

// String is the object's value; of a KEK or KM the token has the public half alone.
func (o Object) String() string {
	name := o.Value.String()
	if o.Class != p11.PublicKey || strings.HasPrefix(name, "KM") || strings.HasPrefix(name, "KEK") {
		return name
	}
	return "the public half of " + name
}

// Allows reports whether a key may be used with a mechanism.
func (o Object) Allows(mechanism uint) bool {
	return o.Mechanism == p11.NoMechanism || o.Mechanism == mechanism
}

// Differs reports whether an object has an attribute of the model, with the
// other value.
func (o Object) Differs(x p11.Attribute) bool {
	return Exists(x.Type, o.Class) && o.Attrs.Has(bits[x.Type]) != x.Value
}
