package hsm

import (
	"crypto/ecdsa"
	"errors"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/keykind"
)

var sessionPublic = p11.Template{p11.Has(pkcs11.CKA_TOKEN, false, "ends with the session")}

// TestBarePoint reads CKA_EC_POINT without its octet string, as some modules give it.
func TestBarePoint(t *testing.T) {
	r := world(t)
	for _, k := range keykind.All() {
		if k.Type != keykind.EC {
			continue
		}
		public := must[Key](t)(r.s.Generate(Spec{Kind: k}, "ec", SessionObject)).Public.(*ecdsa.PublicKey)
		point := must[[]byte](t)(keykind.Point(public))
		o := must[Object](t)(r.s.raw.Create(sessionPublic.Raw(append(p11.Classed(PublicKey, pkcs11.CKK_EC),
			pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, k.ECParams()), pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, point))...)))
		if bare, err := r.s.publicKey(o); err != nil || !keykind.SamePublicKey(bare, public) {
			t.Errorf("%v: %v, %v", k, bare, err)
		}
	}
}

// TestForeignPublicKeys puts public keys on the token that no vault takes.
func TestForeignPublicKeys(t *testing.T) {
	r := world(t)
	secp224r1 := []byte{6, 5, 0x2b, 0x81, 4, 0, 0x21}
	p256 := kind(t, "P-256")
	for _, c := range []struct {
		name    string
		keyType uint
		parts   []*pkcs11.Attribute
		want    string
	}{
		{"another curve", pkcs11.CKK_EC, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, secp224r1), pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, make([]byte, 59)),
		}, "the token shows an EC key (EC parameters 06052b81040021: expected the identifier of P-256, P-384, " +
			"P-521 or P-256K), " +
			"not a key for a vault"},
		{"no point", pkcs11.CKK_EC, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, p256.ECParams()),
			pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, make([]byte, 65)),
		}, "the token shows an EC key (EC point of 65 bytes: an uncompressed point on P-256 has 65 and begins " +
			"with 4), not a key for a vault"},
		{"a large exponent", pkcs11.CKK_RSA, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS, p11.Random(256)),
			pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 0, 0, 1}),
		}, "the token shows an RSA public exponent of 33 bits, not a key for a vault"},
		{"a short modulus", pkcs11.CKK_RSA, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS, []byte{0x83}),
			pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}),
		}, "the token shows a key (public key: RSA key of 8 bits: expected 2048, 3072 or 4096), not a key for a vault"},
		{"DSA", pkcs11.CKK_DSA, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_PRIME, []byte{7}), pkcs11.NewAttribute(pkcs11.CKA_SUBPRIME, []byte{3}),
			pkcs11.NewAttribute(pkcs11.CKA_BASE, []byte{2}), pkcs11.NewAttribute(pkcs11.CKA_VALUE, []byte{4}),
		}, "the token shows a public key of type 0x1, not a key for a vault"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := must[Object](t)(r.s.raw.Create(sessionPublic.Raw(append(p11.Classed(PublicKey, c.keyType), c.parts...)...)))
			_, err := r.s.publicKey(o)
			expect(t, err, failure{c.want, exitcode.HSM, ""})
			if !errors.Is(err, errForeignKey) {
				t.Error("it is not errForeignKey")
			}
		})
	}
}

// TestForeignTrustedKey: a trusted key that no world makes has no SPKI, and is
// listed all the same.
func TestForeignTrustedKey(t *testing.T) {
	r := world(t)
	r.asSO(t)
	template := p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, true, ""), p11.Has(pkcs11.CKA_PRIVATE, false, ""), p11.Has(pkcs11.CKA_TRUSTED, true, ""),
	}
	must[Object](t)(r.s.raw.Create(template.Raw(append(p11.Classed(PublicKey, pkcs11.CKK_RSA),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, "foreign"), pkcs11.NewAttribute(pkcs11.CKA_MODULUS, []byte{0x83}),
		pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{3}))...)))
	r.asUser(t)
	all := must[[]TrustedObject](t)(r.s.Trusted())
	if last := all[len(all)-1]; len(all) != 4 || last.Label != "foreign" || !last.SPKI.IsZero() || !last.Trusted {
		t.Errorf("trusted: %+v", all)
	}
}
