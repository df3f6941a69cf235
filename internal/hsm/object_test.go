package hsm

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

func TestFind(t *testing.T) {
	m, token := world(t)
	u := asUser(t, m, token)
	_, err := u.Find(pkcs11.CKO_SECRET_KEY, "key_simple_a")
	expect(t, err, failure{fmt.Sprintf(`key_simple_a is not on the token "test world" (serial %s)`, token.Serial), exitcode.HSM, ""})
	if !errors.Is(err, ErrNotFound) {
		t.Error("it is not ErrNotFound")
	}
	_, err = u.FindKey("key_simple_a")
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("FindKey: %v", err)
	}
	for range 2 {
		if err := u.GenerateKey("twice", KeySpec{Type: "AES", Bits: 128}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = u.FindKey("twice")
	expect(t, err, failure{fmt.Sprintf("2 objects labelled twice on %v, one was expected", token), exitcode.HSM, ""})
	if errors.Is(err, ErrNotFound) {
		t.Error("two are taken for none")
	}
}

func TestLabelsAndDestroy(t *testing.T) {
	m, token := world(t)
	u := asUser(t, m, token)
	generate(t, u, "ec", KeySpec{Type: "EC", Curve: "P-256"})
	generate(t, u, "aes", KeySpec{Type: "AES", Bits: 128})
	labels := must[[]string](t)(u.Labels())
	slices.Sort(labels)
	if !slices.Equal(labels, []string{"aes", "ec", "ec", "km"}) {
		t.Errorf("labels %q", labels)
	}
	for label, want := range map[string]int{"ec": 2, "aes": 1, "none": 0} {
		if n, err := u.DestroyLabelled(label); n != want || err != nil {
			t.Errorf("destroyed %d of %s: %v", n, label, err)
		}
	}
	if left := must[[]string](t)(u.Labels()); !slices.Equal(left, []string{"km"}) {
		t.Errorf("left %q", left)
	}
}

func TestPublicHalfMissing(t *testing.T) {
	m, token := world(t)
	u := asUser(t, m, token)
	generate(t, u, "ec", KeySpec{Type: "EC", Curve: "P-256"})
	public := must[Object](t)(u.Find(pkcs11.CKO_PUBLIC_KEY, "ec"))
	u.drop(public)
	_, err := u.FindKey("ec")
	expect(t, err, failure{fmt.Sprintf("0 public keys belong to ec on %v, one was expected", token), exitcode.HSM, ""})
}

// TestCallsFail has one call of the library fail in each operation.
func TestCallsFail(t *testing.T) {
	m, token := faultyWorld(t)
	keys := map[string]Key{}
	u := must[*User](t)(m.User(token, pin(userPIN)))
	for label, spec := range map[string]KeySpec{"rsa": {Type: "RSA", Bits: 2048}, "k256": {Type: "EC", Curve: "P-256K"}, "aes": {Type: "AES", Bits: 128}} {
		keys[label] = generate(t, u, label, spec)
	}
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	for want, c := range failingCalls(keys) {
		t.Run(want, func(t *testing.T) {
			u := asUser(t, m, token)
			for label, key := range keys {
				key.object = must[Key](t)(u.FindKey(label)).object
				keys[label] = key
			}
			failCall(t, m, c.function, c.n, pkcs11.CKR_DEVICE_ERROR)
			err := c.work(u)
			t.Setenv("SHIM_AT", "")
			expect(t, err, failure{want + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
		})
	}
}

type failingCall struct {
	function string
	n        int
	work     func(*User) error
}

func failingCalls(keys map[string]Key) map[string]failingCall {
	find := func(u *User) error { _, err := u.FindKey("rsa"); return err }
	sign := func(label string) func(*User) error {
		return func(u *User) error { _, err := u.Sign(keys[label], nil); return err }
	}
	generate := func(spec KeySpec) func(*User) error {
		return func(u *User) error { return u.GenerateKey("new", spec) }
	}
	check := func(u *User) error { _, err := u.CheckValue(keys["aes"]); return err }
	return map[string]failingCall{
		"C_FindObjectsInit":                             {"C_FindObjectsInit", 1, find},
		"C_FindObjects":                                 {"C_FindObjects", 1, find},
		"C_GetAttributeValue":                           {"C_GetAttributeValue", 1, find},
		"C_DestroyObject of rsa":                        {"C_DestroyObject", 1, func(u *User) error { _, err := u.DestroyLabelled("rsa"); return err }},
		"C_GenerateKeyPair of new":                      {"C_GenerateKeyPair", 1, generate(KeySpec{Type: "RSA", Bits: 2048})},
		"C_GenerateKeyPair of newer":                    {"C_GenerateKeyPair", 1, func(u *User) error { return u.GenerateKey("newer", KeySpec{Type: "EC", Curve: "P-256K"}) }},
		"C_GenerateKey of new":                          {"C_GenerateKey", 1, generate(KeySpec{Type: "AES", Bits: 128})},
		"C_CopyObject of rsa to copy":                   {"C_CopyObject", 1, func(u *User) error { _, err := u.Reduce(keys["rsa"], "copy"); return err }},
		"C_WrapKey of rsa under km":                     {"C_WrapKey", 4, func(u *User) error { _, err := u.Backup("km", keys["rsa"]); return err }},
		"finding rsa":                                   {"C_FindObjectsInit", 1, sign("rsa")},
		"signing with rsa":                              {"C_Sign", 1, sign("rsa")},
		"C_SignInit with k256":                          {"C_SignInit", 1, sign("k256")},
		"C_Sign with k256":                              {"C_Sign", 1, sign("k256")},
		"C_EncryptInit with aes":                        {"C_EncryptInit", 1, check},
		"C_Encrypt with aes":                            {"C_Encrypt", 1, check},
		"reading CKA_TOKEN of aes: C_GetAttributeValue": {"C_GetAttributeValue", 1, func(u *User) error { return u.ProbeKey(keys["aes"]) }},
	}
}

func TestSignWithADestroyedKey(t *testing.T) {
	m, token := world(t)
	u := asUser(t, m, token)
	key := generate(t, u, "ec", KeySpec{Type: "EC", Curve: "P-256"})
	if _, err := u.DestroyLabelled("ec"); err != nil {
		t.Fatal(err)
	}
	_, err := u.Sign(key, nil)
	expect(t, err, failure{fmt.Sprintf("0 key pairs are ec on %v, one was expected", token), exitcode.HSM, ""})
}

func TestReturnCodeNames(t *testing.T) {
	for code, want := range map[uint]string{
		pkcs11.CKR_PIN_INCORRECT: "CKR_PIN_INCORRECT", 0x1B: "CKR_ACTION_PROHIBITED", 0x80000042: "return code 0x80000042",
	} {
		if got := named(fmt.Errorf("wrapped: %w", pkcs11.Error(code))).Error(); got != want {
			t.Errorf("0x%x: %s, want %s", code, got, want)
		}
		if !is(fail("doing", pkcs11.Error(code)), code) {
			t.Errorf("0x%x is not recognised after it was named", code)
		}
	}
	other := errors.New("another error")
	if got := named(other); got != other {
		t.Errorf("named gives %v", got)
	}
}
