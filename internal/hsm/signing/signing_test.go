package signing

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/publickey"
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

// session is a user's, behind the shim.
func session(t *testing.T) *p11.Session {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	p, _, h := softhsm.Session(t, shim.Build(t))
	for _, err := range []error{p.Logout(h), p.Login(h, pkcs11.CKU_USER, softhsm.UserPIN)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return &p11.Session{Ctx: p, Handle: h, Omitted: map[string][]uint{}}
}

// TestSign: the signature verifies under the public half, in DER where it is
// ECDSA, and a token that fails says so.
func TestSign(t *testing.T) {
	s := session(t)
	text := keykind.PossessionText("handle", [32]byte{1})
	for _, name := range []string{"RSA-2048", "P-256", "P-384", "P-521"} {
		kind := must[keykind.Kind](t)(keykind.Parse(name))
		parameters := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, 2048)}
		if kind.Type == keykind.EC {
			parameters = []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, kind.ECParams())}
		}
		half, key, err := s.GeneratePair(kind.Generation, parameters,
			[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_SIGN, true)})
		if err != nil {
			t.Fatal(err)
		}
		public := must[crypto.PublicKey](t)(publickey.Read(s, half, kind.KeyType))
		k := Key{kind, key, "the key"}
		sig := must[[]byte](t)(Sign(s, k, kind.Digest, text))
		if err := keykind.VerifyPossession(public, text, sig); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		t.Setenv("SHIM_DO", "fail=0x30")
		t.Setenv("SHIM_AT", "C_SignInit+")
		if _, err := Sign(s, k, kind.Digest, text); !p11.Is(err, pkcs11.CKR_DEVICE_ERROR) {
			t.Errorf("%s: C_SignInit: %v", name, err)
		}
		t.Setenv("SHIM_AT", map[bool]string{true: "C_Sign+"}[name == "P-521"]) // the last: it is under way from then on
		if _, err := Sign(s, k, kind.Digest, text); (err == nil) == (name == "P-521") {
			t.Errorf("%s: C_Sign: %v", name, err)
		}
	}
}

// TestCheckValue is the zero block under the key.
func TestCheckValue(t *testing.T) {
	s := session(t)
	value := bytes.Repeat([]byte{7}, 32)
	o := must[p11.Object](t)(s.Create(append(p11.Classed(p11.SecretKey, pkcs11.CKK_AES),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE, value), pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true))))
	want := make([]byte, aes.BlockSize)
	block, err := aes.NewCipher(value)
	if err != nil {
		t.Fatal(err)
	}
	block.Encrypt(want, want)
	k := Key{must[keykind.Kind](t)(keykind.Parse("AES-256")), o, "the key"}
	if got := must[[]byte](t)(CheckValue(s, k)); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
	for _, call := range []string{"C_EncryptInit", "C_Encrypt"} {
		t.Setenv("SHIM_DO", "fail=0x30")
		t.Setenv("SHIM_AT", call+"+")
		if _, err := CheckValue(s, k); !p11.Is(err, pkcs11.CKR_DEVICE_ERROR) {
			t.Errorf("%s: %v", call, err)
		}
		t.Setenv("SHIM_AT", "")
	}
}
