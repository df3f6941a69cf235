package hsm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// Restore unwraps a backup blob into a key labelled label, with the attributes
// it was generated with. moduleKey is KM's value, which K cards give: it comes
// as a session object that may unwrap, because the KM on the token may not.
// public is the key's public half, nil for AES. The token no longer vouches
// for such a key's origin: LOCAL and ALWAYS_SENSITIVE are false from now on.
func (u *User) Restore(label string, public crypto.PublicKey, moduleKey *secret.Bytes, blob []byte) error {
	km, err := u.unwrappingKey(moduleKey)
	if err != nil {
		return err
	}
	defer u.drop(km)
	w, err := u.KeyWrap()
	if err != nil {
		return err
	}
	id := newID()
	template, err := restoredTemplate(public)
	if err != nil {
		return err
	}
	if _, err := u.p.UnwrapKey(u.h, mechanism(w.Mechanism), km, blob, append(naming(label, id), template...)); err != nil {
		return fail("C_UnwrapKey of "+label, err)
	}
	if public == nil {
		return nil
	}
	return u.createPublic(label, id, public)
}

func (u *User) unwrappingKey(value *secret.Bytes) (Object, error) {
	o, err := u.p.CreateObject(u.h, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false), pkcs11.NewAttribute(pkcs11.CKA_UNWRAP, true),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE, value.Reveal()),
	})
	if err != nil {
		return 0, fail("C_CreateObject of the module key for this session", err)
	}
	return o, nil
}

func restoredTemplate(public crypto.PublicKey) ([]*pkcs11.Attribute, error) {
	class, kind, t := uint(pkcs11.CKO_PRIVATE_KEY), uint(pkcs11.CKK_EC), privateKeyTemplate(false)
	switch public.(type) {
	case *rsa.PublicKey:
		kind, t = pkcs11.CKK_RSA, privateKeyTemplate(true)
	case *ecdsa.PublicKey:
	case nil:
		class, kind, t = pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES, secretKeyTemplate()
	default:
		return nil, exitcode.Errorf(exitcode.Usage, "a key of type %T cannot be restored", public)
	}
	return t.raw(pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, kind)), nil
}

// createPublic puts a public key object beside a restored private key.
func (u *User) createPublic(label string, id []byte, public crypto.PublicKey) error {
	var parts []*pkcs11.Attribute
	t := publicKeyTemplate(false)
	switch key := public.(type) {
	case *rsa.PublicKey:
		t = publicKeyTemplate(true)
		parts = []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA),
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS, key.N.Bytes()), pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, exponentBytes(uint32(key.E))),
		}
	case *ecdsa.PublicKey:
		point, params, err := ecAttributes(key)
		if err != nil {
			return err
		}
		parts = []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
			pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params), pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, point),
		}
	}
	list := append(t.raw(append(naming(label, id), pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY))...), parts...)
	if _, err := u.p.CreateObject(u.h, list); err != nil {
		return fail("C_CreateObject of the public half of "+label, err)
	}
	return nil
}

// ecAttributes encodes CKA_EC_POINT and CKA_EC_PARAMS (see ecPublicKey).
func ecAttributes(key *ecdsa.PublicKey) (point, params []byte, err error) {
	all := curves()
	i := slices.IndexFunc(all, func(c namedCurve) bool { return c.curve == key.Curve })
	if i < 0 {
		return nil, nil, exitcode.Errorf(exitcode.Usage, "the vault takes no key on this EC curve")
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	raw := make([]byte, 1+2*size)
	raw[0] = 4 // uncompressed, SEC 1, section 2.3.3
	key.X.FillBytes(raw[1 : 1+size])
	key.Y.FillBytes(raw[1+size:])
	point, err = asn1.Marshal(raw)
	return point, all[i].params(), err
}

// ChangePIN runs C_SetPIN in the SO's session: the SO PIN becomes next.
func (so *SecurityOfficer) ChangePIN(old, next *secret.Bytes) error {
	if err := so.p.SetPIN(so.h, old.Text(), next.Text()); err != nil {
		return fail("C_SetPIN of the SO", err)
	}
	return nil
}

// Backed tells whether key wrapped under the wrapping key gives blob: RFC 5649
// is deterministic, so the same key under the same key does.
func (u *User) Backed(wrappingLabel string, key Key, blob []byte) (bool, error) {
	again, err := u.wrapUnder(wrappingLabel, key)
	return slices.Equal(again, blob), err
}
