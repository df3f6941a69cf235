package policy

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/policy/token"
)

// Call is one call that an attacker can try on what he finds, and whether the
// module lets him. It is what a run on a real module compares.
type Call struct {
	Op Op
	// On is the key that is used or changed, Other the one that it wraps: they
	// count the objects from 0.
	On, Other int
	// Change is what is set, or differs in a copy; it may be empty.
	Change    p11.Template
	Mechanism uint
	Allowed   bool
}

// Calls lists the calls of the model on some objects: those of one object, and
// each object wrapped under each.
func Calls(m token.Module, objects []Object) (list []Call) {
	for i, o := range objects {
		list = append(list, uses(m, i, o)...)
		for j, other := range objects {
			for _, mechanism := range m.Mechanisms(o.Object, other.Object) {
				if other.Class != p11.PublicKey {
					list = append(list, Call{WrapKey, i, j, nil, mechanism, m.Wraps(o.Object, other.Object, mechanism)})
				}
			}
		}
	}
	for i, o := range objects {
		list = append(list, alterations(m, i, o)...)
	}
	return list
}

// uses lists the calls that use one key.
func uses(m token.Module, i int, o Object) (list []Call) {
	one := func(op Op, mechanism uint, allowed bool) {
		list = append(list, Call{op, i, i, nil, mechanism, allowed})
	}
	if o.Class != p11.PublicKey {
		one(Read, 0, m.Reads(o.Object))
	}
	k, isKey := o.Value.(token.Key)
	switch {
	case !isKey:
	case o.Class == p11.SecretKey:
		one(EncryptBy, pkcs11.CKM_AES_ECB, o.Attrs.Has(token.Encrypt) && o.Allows(pkcs11.CKM_AES_ECB))
		one(DecryptBy, pkcs11.CKM_AES_ECB, o.Attrs.Has(token.Decrypt) && o.Allows(pkcs11.CKM_AES_ECB))
		one(UnwrapKey, p11.KWP, o.Attrs.Has(token.Unwrap) && o.Allows(p11.KWP))
	case o.Class == p11.PrivateKey && k.Kind == token.RSA:
		const oaep = pkcs11.CKM_RSA_PKCS_OAEP
		one(DecryptBy, oaep, o.Attrs.Has(token.Decrypt) && o.Allows(oaep))
		one(UnwrapKey, oaep, o.Attrs.Has(token.Unwrap) && o.Allows(oaep))
	}
	return list
}

// alterations lists the changes of one object, copies first: a copy leaves the
// object as it is.
func alterations(m token.Module, i int, o Object) (list []Call) {
	_, _, copied := m.Copy(o.Object, nil)
	list = append(list, Call{Copy, i, i, nil, 0, copied})
	for _, x := range gains {
		if o.Differs(x) {
			_, _, copied := m.Copy(o.Object, p11.Template{x})
			list = append(list, Call{Copy, i, i, p11.Template{x}, 0, copied})
		}
	}
	for _, x := range gains {
		if o.Differs(x) {
			_, set := m.Set(o.Object, x)
			list = append(list, Call{Set, i, i, p11.Template{x}, 0, set})
		}
	}
	return list
}
