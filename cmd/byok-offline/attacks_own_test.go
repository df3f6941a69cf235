package main

import (
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/miekg/pkcs11"
)

// own makes a key of the attacker's own, of a target's class and type, with
// every use and no restriction.
func (a *attacker) own(t testing.TB, class, kind uint) object {
	t.Helper()
	list := []*pkcs11.Attribute{attr(pkcs11.CKA_CLASS, class), attr(pkcs11.CKA_KEY_TYPE, kind),
		attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_LABEL, "mine")}
	for _, use := range uses(class, kind) {
		list = append(list, attr(use, true))
	}
	if class != pkcs11.CKO_PUBLIC_KEY {
		list = append(list, attr(pkcs11.CKA_SENSITIVE, false), attr(pkcs11.CKA_EXTRACTABLE, true))
	}
	handle, err := a.p.CreateObject(a.h, append(list, a.material(class, kind)...))
	if err != nil {
		t.Fatalf("a key of the attacker's own (class %d, type %d): %s", class, kind, codeOf(err))
	}
	return object{handle: handle, role: "own", label: "mine", class: class, kind: kind, mine: true}
}

// material is the value of an own key.
func (a *attacker) material(class, kind uint) []*pkcs11.Attribute {
	params, _ := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7})
	point, _ := asn1.Marshal(a.point())
	n, e := attr(pkcs11.CKA_MODULUS, a.rsa.N.Bytes()), attr(pkcs11.CKA_PUBLIC_EXPONENT,
		big.NewInt(int64(a.rsa.E)).Bytes())
	switch {
	case class == pkcs11.CKO_SECRET_KEY:
		return []*pkcs11.Attribute{attr(pkcs11.CKA_VALUE, knownValue())}
	case class == pkcs11.CKO_PUBLIC_KEY && kind == pkcs11.CKK_RSA:
		return []*pkcs11.Attribute{n, e}
	case class == pkcs11.CKO_PUBLIC_KEY:
		return []*pkcs11.Attribute{attr(pkcs11.CKA_EC_PARAMS, params), attr(pkcs11.CKA_EC_POINT, point)}
	case kind == pkcs11.CKK_EC:
		return []*pkcs11.Attribute{attr(pkcs11.CKA_EC_PARAMS, params), attr(pkcs11.CKA_VALUE, a.ec.Bytes())}
	}
	k := a.rsa
	return []*pkcs11.Attribute{n, e, attr(pkcs11.CKA_PRIVATE_EXPONENT, k.D.Bytes()),
		attr(pkcs11.CKA_PRIME_1, k.Primes[0].Bytes()),
		attr(pkcs11.CKA_PRIME_2, k.Primes[1].Bytes()), attr(pkcs11.CKA_EXPONENT_1, k.Precomputed.Dp.Bytes()),
		attr(pkcs11.CKA_EXPONENT_2, k.Precomputed.Dq.Bytes()), attr(pkcs11.CKA_COEFFICIENT, k.Precomputed.Qinv.Bytes())}
}

// knownValue is that of the attacker's own AES keys.
func knownValue() []byte { return []byte("the attacker knows these bytes..") }

// uses are the attributes that let a key of a class and type be used.
func uses(class, kind uint) []uint {
	switch {
	case class == pkcs11.CKO_SECRET_KEY:
		return []uint{pkcs11.CKA_ENCRYPT, pkcs11.CKA_DECRYPT, pkcs11.CKA_SIGN, pkcs11.CKA_VERIFY, pkcs11.CKA_WRAP,
			pkcs11.CKA_UNWRAP, pkcs11.CKA_DERIVE}
	case class == pkcs11.CKO_PUBLIC_KEY:
		return []uint{pkcs11.CKA_ENCRYPT, pkcs11.CKA_VERIFY, pkcs11.CKA_VERIFY_RECOVER, pkcs11.CKA_WRAP}
	}
	return []uint{pkcs11.CKA_SIGN, pkcs11.CKA_SIGN_RECOVER, pkcs11.CKA_DECRYPT, pkcs11.CKA_UNWRAP, pkcs11.CKA_DERIVE}
}
