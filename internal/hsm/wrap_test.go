package hsm

import (
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

func TestKeyWrap(t *testing.T) {
	m, token := faultyWorld(t)
	u := asUser(t, m, token)
	if w := must[KeyWrap](t)(u.KeyWrap()); w != (KeyWrap{pkcs11.CKM_AES_KEY_WRAP_PAD, true}) {
		t.Errorf("SoftHSM's is %+v", w)
	}
	_, err := u.probeKeyWrap(pkcs11.CKM_AES_KEY_WRAP) // RFC 3394
	if err == nil || err.Error() != "does not give the vector of RFC 5649, section 6" {
		t.Errorf("RFC 3394: %v", err)
	}
	failCall(t, m, "C_CreateObject", 3, pkcs11.CKR_TEMPLATE_INCOMPLETE)
	_, err = u.KeyWrap()
	expect(t, err, failure{fmt.Sprintf("%v has no AES key wrap with padding as in RFC 5649: CKM_AES_KEY_WRAP_KWP: CKR_MECHANISM_INVALID; "+
		"CKM_AES_KEY_WRAP_PAD: C_CreateObject of a session key to probe with: CKR_TEMPLATE_INCOMPLETE", token), exitcode.HSM, ""})
}

// TestForVaultRefuses misses or replaces one of what the wrapping needs.
func TestForVaultRefuses(t *testing.T) {
	m, token := world(t)
	trust(t, m, token, newKEK(t, 2048))
	plain := newKEK(t, 2048)
	u := asUser(t, m, token)
	key := generate(t, u, "aes", KeySpec{Type: "AES", Bits: 128})
	reduced := must[Key](t)(u.Reduce(key, "copy"))
	if _, err := u.p.CreateObject(u.h, kekTemplate().with(pkcs11.CKA_TRUSTED, false).raw(append(naming("untrusted", newID()),
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA),
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS, plain.public.N.Bytes()), pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}))...)); err != nil {
		t.Fatal(err)
	}
	weakKey(t, u, "untrusted", KeySpec{Type: "AES", Bits: 256}, pkcs11.CKA_WRAP, true)
	missing := func(label string) string {
		return fmt.Sprintf(`%s is not on the token "test world" (serial %s)`, label, token.Serial)
	}
	const outer = "C_WrapKey of the transfer key under the KEK with RSA-OAEP (SHA-1): "
	for name, c := range map[string]struct{ kek, transfer, want string }{
		"no KEK":          {"none", "transfer", missing("none")},
		"no transfer key": {"kek", "none", missing("none")},
		"untrusted KEK":   {"untrusted", "transfer", outer + "CKR_KEY_NOT_WRAPPABLE"},
		"untrusted key":   {"kek", "untrusted", "C_WrapKey of copy under untrusted: CKR_KEY_NOT_WRAPPABLE"},
		"not the copy":    {"kek", "km", outer + "CKR_KEY_UNEXTRACTABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := u.ForVault(c.kek, c.transfer, reduced)
			expect(t, err, failure{c.want, exitcode.HSM, ""})
		})
	}
}

func TestOneCallFails(t *testing.T) {
	m, token := world(t)
	trust(t, m, token, newKEK(t, 2048))
	u := asUser(t, m, token)
	reduced := must[Key](t)(u.Reduce(generate(t, u, "aes", KeySpec{Type: "AES", Bits: 128}), "copy"))
	_, err := u.wrapOnce(must[Object](t)(u.Find(pkcs11.CKO_PUBLIC_KEY, "kek")), reduced)
	expect(t, err, failure{"C_WrapKey of copy under the KEK with CKM_RSA_AES_KEY_WRAP: CKR_MECHANISM_INVALID", exitcode.HSM, ""})
}
