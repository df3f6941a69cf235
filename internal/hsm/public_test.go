package hsm

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/transfer"
)

// TestBarePoint reads CKA_EC_POINT without its octet string, as some modules give it.
func TestBarePoint(t *testing.T) {
	m, token := world(t)
	u := asUser(t, m, token)
	for _, c := range curves() {
		public := generate(t, u, c.name, KeySpec{Type: "EC", Curve: c.name}).Public.(*ecdsa.PublicKey)
		size := (c.curve.Params().BitSize + 7) / 8
		point := append([]byte{4}, append(public.X.FillBytes(make([]byte, size)), public.Y.FillBytes(make([]byte, size))...)...)
		o := must[Object](t)(u.p.CreateObject(u.h, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
			pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, c.params()), pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, point),
		}))
		if bare := must[*ecdsa.PublicKey](t)(u.ecPublicKey(o)); !transfer.SamePublicKey(bare, public) {
			t.Errorf("%s: another point", c.name)
		}
	}
}

func TestPoints(t *testing.T) {
	off := make([]byte, 65)
	off[0], off[64] = 4, 1
	for want, point := range map[string][]byte{
		"the token shows an EC point of 0 bytes, 65 were expected":  nil,
		"the token shows an EC point of 64 bytes, 65 were expected": off[:64],
		"the token shows an EC point of 33 bytes, 65 were expected": append([]byte{2}, off[1:33]...),
		"the token shows an EC point that is not on its curve":      off,
	} {
		_, err := pointOn(elliptic.P256(), point)
		expect(t, err, failure{want, exitcode.HSM, ""})
	}
}

// TestOddPublicKeys puts public keys on the token that are none of ours.
func TestOddPublicKeys(t *testing.T) {
	m, token := world(t)
	u := asUser(t, m, token)
	secp224r1 := []byte{6, 5, 0x2b, 0x81, 4, 0, 0x21}
	for want, material := range map[string][]*pkcs11.Attribute{
		"the token shows an EC key on a curve that the vault does not take": {pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
			pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, secp224r1), pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, make([]byte, 59))},
		"RSA public exponent of 33 bits, more than 31": {pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA),
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS, random(256)), pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 0, 0, 1})},
	} {
		o := must[Object](t)(u.p.CreateObject(u.h, append(material, pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false))))
		_, err := u.publicKey(o)
		expect(t, err, failure{want, exitcode.HSM, ""})
	}
}
