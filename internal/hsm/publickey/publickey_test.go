package publickey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"regexp"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/shim"
	"byok/internal/keykind"
	"byok/internal/testkit/softhsm"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// open opens a session on a fresh SoftHSM token, behind the shim.
func open(t *testing.T) *p11.Session {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	p, _, h := softhsm.Session(t, shim.Build(t))
	return &p11.Session{Ctx: p, Handle: h, Omitted: map[string][]uint{}}
}

var session = p11.Template{
	p11.Has(pkcs11.CKA_TOKEN, false, "ends with the session"),
	p11.Has(pkcs11.CKA_PRIVATE, false, "public"),
}

// generated generates a key of a kind on the token, and returns its public half.
func generated(t *testing.T, s *p11.Session, k keykind.Kind) p11.Object {
	t.Helper()
	parameters := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, k.ECParams())}
	if k.Type == keykind.RSA {
		parameters = []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, k.Bits),
			pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, p11.Exponent(65537)),
		}
	}
	o, _, err := s.GeneratePair(k.Generation, session.Raw(parameters...), session.Raw())
	return must[p11.Object](t)(o, err)
}

// TestRoundTrip reads a key that the token generated, gives it to the token by
// value, and reads it again.
func TestRoundTrip(t *testing.T) {
	s := open(t)
	for _, name := range []string{"RSA-2048", "P-256", "P-384", "P-521", "P-256K"} {
		t.Run(name, func(t *testing.T) {
			k := must[keykind.Kind](t)(keykind.Parse(name))
			public, err := Read(s, generated(t, s, k), k.KeyType)
			if err != nil {
				t.Fatal(err)
			}
			material := must[[]*pkcs11.Attribute](t)(Material(public))
			again, err := Read(s, must[p11.Object](t)(s.Create(session.Raw(material...))), k.KeyType)
			if err != nil || !keykind.SamePublicKey(again, public) {
				t.Errorf("%v, %v; generated was %v", again, err, public)
			}
			if read := must[keykind.Kind](t)(keykind.Of(public)); read.String() != name {
				t.Errorf("read as %v", read)
			}
		})
	}
}

// TestForms reads each form of CKA_EC_POINT and of CKA_EC_PARAMS that modules
// give, on every curve.
func TestForms(t *testing.T) {
	s := open(t)
	for _, k := range keykind.All() {
		if k.Type != keykind.EC {
			continue
		}
		o := generated(t, s, k)
		public := must[crypto.PublicKey](t)(Read(s, o, pkcs11.CKK_EC))
		for _, c := range []struct{ variable, value string }{
			{"SHIM_EC_POINT", "bare"}, {"SHIM_EC_POINT", "compressed"}, {"SHIM_EC_POINT", "bare-compressed"},
			{"SHIM_EC_POINT", "bits"}, {"SHIM_EC_POINT", "bits-compressed"},
			{"SHIM_EC_PARAMS", "name"}, {"SHIM_EC_PARAMS", "bare-name"},
		} {
			t.Run(k.String()+" "+c.value, func(t *testing.T) {
				t.Setenv(c.variable, c.value)
				if got, err := Read(s, o, pkcs11.CKK_EC); err != nil || !keykind.SamePublicKey(got, public) {
					t.Errorf("%v, %v", got, err)
				}
			})
		}
	}
}

// TestAmbiguous: what no length and first byte decides is named and refused.
func TestAmbiguous(t *testing.T) {
	s := open(t)
	o := generated(t, s, must[keykind.Kind](t)(keykind.Parse("P-256")))
	const point = `the token shows an EC key \(EC point of %d bytes that begins %s: a point on P-256 has 65 and begins ` +
		`with 04, or 33 and begins with 02 or 03, bare, in an OCTET STRING or in a BIT STRING\), not a key for a vault`
	for _, c := range []struct{ variable, value, want string }{
		{"SHIM_EC_POINT", "x-y", fmt.Sprintf(point, 64, "[0-9a-f]{8}")},
		{"SHIM_EC_POINT", "padded", fmt.Sprintf(point, 70, "044104[0-9a-f]{2}")},
		{"SHIM_EC_PARAMS", "explicit", `the token shows an EC key \(EC parameters [0-9a-f]{6,}: expected the identifier of ` +
			`P-256, P-384, P-521 or P-256K\), not a key for a vault`},
	} {
		t.Run(c.value, func(t *testing.T) {
			t.Setenv(c.variable, c.value)
			_, err := Read(s, o, pkcs11.CKK_EC)
			if err == nil || !regexp.MustCompile("^"+c.want+"$").MatchString(err.Error()) || !errors.Is(err, ErrForeign) {
				t.Errorf("\n got %v\nwant %s", err, c.want)
			}
		})
	}
}

// TestForeign puts public keys on the token that no vault takes.
func TestForeign(t *testing.T) {
	s := open(t)
	secp224r1 := []byte{6, 5, 0x2b, 0x81, 4, 0, 0x21}
	p256 := must[keykind.Kind](t)(keykind.Parse("P-256"))
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
		}, "the token shows an EC key (EC point of 65 bytes that begins 00000000: a point on P-256 has 65 and begins " +
			"with 04, or 33 and begins with 02 or 03, bare, in an OCTET STRING or in a BIT STRING), not a key for a vault"},
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
			o := must[p11.Object](t)(s.Create(session.Raw(append(p11.Classed(p11.PublicKey, c.keyType), c.parts...)...)))
			_, err := Read(s, o, c.keyType)
			if err == nil || err.Error() != c.want || exitcode.Of(err) != exitcode.HSM || !errors.Is(err, ErrForeign) {
				t.Errorf("\n got %v (status %d)\nwant %s", err, exitcode.Of(err), c.want)
			}
		})
	}
}

// TestNoMaterial: what no vault takes is not put on the token either.
func TestNoMaterial(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		public any
		want   string
	}{
		{"short RSA", &short.PublicKey, "public key: RSA key of 1024 bits: expected 2048, 3072 or 4096"},
		{"another curve", &curve.PublicKey, `public key: curve "P-224": the service imports RSA of 2048, 3072 or 4096 ` +
			"bits and EC on P-256, P-384, P-521 or P-256K"},
	} {
		_, err := Material(c.public)
		if err == nil || err.Error() != c.want || exitcode.Of(err) != exitcode.Usage {
			t.Errorf("%s: %v (status %d)", c.name, err, exitcode.Of(err))
		}
	}
}

func TestReadFails(t *testing.T) {
	s := open(t)
	for _, name := range []string{"RSA-2048", "P-256"} {
		k := must[keykind.Kind](t)(keykind.Parse(name))
		o := generated(t, s, k)
		t.Setenv("SHIM_DO", fmt.Sprintf("fail=0x%x", pkcs11.CKR_DEVICE_ERROR))
		t.Setenv("SHIM_AT", "C_GetAttributeValue+")
		_, err := Read(s, o, k.KeyType)
		t.Setenv("SHIM_AT", "")
		if err == nil || err.Error() != "C_GetAttributeValue: CKR_DEVICE_ERROR" || exitcode.Of(err) != exitcode.HSM {
			t.Errorf("%s: %v (status %d)", name, err, exitcode.Of(err))
		}
	}
}
