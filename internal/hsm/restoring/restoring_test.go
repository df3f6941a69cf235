package restoring_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/publickey"
	"byok/internal/hsm/restoring"
	"byok/internal/hsm/shim"
	"byok/internal/testkit/softhsm"
)

// opened is a session with a user logged in.
func opened(t *testing.T) *p11.Session {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	ctx, _, h := softhsm.Session(t, shim.Build(t))
	ok(t, ctx.Logout(h))
	ok(t, ctx.Login(h, pkcs11.CKU_USER, softhsm.UserPIN))
	return &p11.Session{Ctx: ctx, Handle: h, Omitted: map[string][]uint{}}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestPair: what is encrypted for the pair the token alone opens.
func TestPair(t *testing.T) {
	s := opened(t)
	p, err := restoring.Generate(s, "opener")
	ok(t, err)
	if p.Public.N.BitLen() != restoring.Bits {
		t.Errorf("%d bits", p.Public.N.BitLen())
	}
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, p.Public, make([]byte, 32), nil)
	ok(t, err)
	o, err := p.Unwrap(s, "aes", sealed)
	ok(t, err)
	if unwraps, err := s.Flag(o, pkcs11.CKA_UNWRAP); err != nil || !unwraps {
		t.Errorf("%v", err)
	}
	if _, err := p.Unwrap(s, "aes", sealed[1:]); err == nil {
		t.Error("a spoilt blob opens")
	}
}

// TestFailing: each call that fails is an error.
func TestFailing(t *testing.T) {
	s := opened(t)
	t.Setenv("SHIM_DO", "fail=0x30")
	for _, at := range []string{"C_GenerateKeyPair", "C_GetAttributeValue"} {
		t.Setenv("SHIM_AT", at)
		if _, err := restoring.Generate(s, "opener"); err == nil {
			t.Errorf("%s", at)
		}
	}
}

// TestTighten: what the module has ignored is set, and read back.
func TestTighten(t *testing.T) {
	s := opened(t)
	made := func() p11.Object {
		o, err := s.Generate(pkcs11.CKM_AES_KEY_GEN, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, false),
			pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true),
		})
		ok(t, err)
		return o
	}
	o, want := made(), p11.Template{p11.Stays(pkcs11.CKA_SENSITIVE, true, "")}
	ok(t, restoring.Tighten(s, o, want))
	if is, err := s.Flag(o, pkcs11.CKA_SENSITIVE); err != nil || !is {
		t.Errorf("%v", err)
	}
	t.Setenv("SHIM_DO", "fail=0x30")
	for at, text := range map[string]string{
		"C_GetAttributeValue": "C_GetAttributeValue: CKR_DEVICE_ERROR",
		"C_SetAttributeValue": "C_SetAttributeValue of CKA_SENSITIVE of the restored key: CKR_DEVICE_ERROR",
	} {
		o := made()
		t.Setenv("SHIM_AT", at)
		if err := restoring.Tighten(s, o, want); err == nil || err.Error() != text {
			t.Errorf("%v", err)
		}
		t.Setenv("SHIM_AT", "")
	}
}

// TestHalf: the public half of a restored key is made of what the record says.
func TestHalf(t *testing.T) {
	s := opened(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	half, err := restoring.Half(s, &key.PublicKey, p11.SessionObject, p11.Naming("half", p11.NewID()))
	ok(t, err)
	shown, err := publickey.ReadRSA(s, half)
	if err != nil || !shown.Equal(&key.PublicKey) {
		t.Errorf("%v", err)
	}
	if _, err := restoring.Half(s, "no key", p11.SessionObject, nil); err == nil {
		t.Error("a key of no kind")
	}
	t.Setenv("SHIM_DO", "fail=0x30")
	t.Setenv("SHIM_AT", "C_CreateObject")
	_, err = restoring.Half(s, &key.PublicKey, p11.SessionObject, nil)
	if err == nil || err.Error() != "C_CreateObject of the public half of the restored key: CKR_DEVICE_ERROR" {
		t.Errorf("%v", err)
	}
}
