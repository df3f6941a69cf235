package hsm

import (
	"errors"
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/keywrap"
)

// failing is an operation with one call that fails.
type failing struct {
	function string
	n        int
	try      func(*testing.T, *rig) error
	want     string
}

// generating makes a key of a kind.
func generating(name string) func(*testing.T, *rig) error {
	return func(t *testing.T, r *rig) error {
		_, err := r.s.Generate(Spec{Kind: kind(t, name)}, "new", TokenObject)
		return err
	}
}

// with does something with the key of the given label.
func with(label string, do func(*Session, Key) error) func(*testing.T, *rig) error {
	return func(_ *testing.T, r *rig) error { return do(r.s, r.keys[label]) }
}

func persist(s *Session, k Key) error { _, err := s.Persist(k, "kept"); return err }
func freeze(s *Session, k Key) error  { _, err := s.Freeze(k, "frozen"); return err }
func reduce(s *Session, k Key) error  { _, err := s.Reduce(k); return err }
func sign(s *Session, k Key) error    { _, err := s.Sign(k, nil); return err }
func check(s *Session, k Key) error   { _, err := s.CheckValue(k); return err }
func permit(s *Session, k Key) error  { _, err := s.Permissions(k); return err }
func find(_ *testing.T, r *rig) error { _, err := r.s.FindKey("ec"); return err }

// findApart finds a key whose public half has another label.
func findApart(_ *testing.T, r *rig) error { _, err := r.s.FindKey("apart"); return err }

func findAES(_ *testing.T, r *rig) error {
	_, err := r.s.FindKey("aes")
	return err
}

func (r *rig) wrap(s *Session, k Key) error { _, err := s.Wrap(r.backup(), k); return err }

var failingCalls = []failing{
	{"C_FindObjectsInit", 1, find, "C_FindObjectsInit"},
	{"C_FindObjectsInit", 2, findApart, "C_FindObjectsInit"},
	{"C_GetAttributeValue", 3, findApart, "C_GetAttributeValue"},
	{"C_GetAttributeValue", 1, find, "C_GetAttributeValue"},
	{"C_GetAttributeValue", 3, find, "C_GetAttributeValue"},
	{"C_GetAttributeValue", 5, find, "C_GetAttributeValue"},
	{"C_GetAttributeValue", 1, findAES, "C_GetAttributeValue"},
	{
		"C_FindObjectsInit", 1,
		func(_ *testing.T, r *rig) error { _, err := r.s.FindKeys("ec"); return err },
		"C_FindObjectsInit",
	},
	{
		"C_DestroyObject", 1,
		func(_ *testing.T, r *rig) error { _, err := r.s.DestroyLabelled("ec"); return err },
		"C_DestroyObject of ec",
	},
	{"C_DestroyObject", 1, with("ec", (*Session).DestroyKey), "C_DestroyObject of ec"},
	{"C_DestroyObject", 1, with("ec", (*Session).DestroyKey), "C_DestroyObject of ec"},
	{
		"C_DestroyObject", 1,
		func(_ *testing.T, r *rig) error { _, err := r.s.DestroyOthers(Key{Label: "ec"}); return err },
		"C_DestroyObject of ec",
	},
	{"C_GenerateKeyPair", 1, generating("P-256"), "C_GenerateKeyPair of new"},
	{"C_GetAttributeValue", 1, generating("P-256"), "reading the attributes of new: C_GetAttributeValue"},
	{"C_GetAttributeValue", 3, generating("P-256"), "C_GetAttributeValue"},
	{"C_GenerateKey", 1, generating("AES-128"), "C_GenerateKey of new"},
	{"C_GetAttributeValue", 1, generating("AES-128"), "reading the attributes of new: C_GetAttributeValue"},
	{"C_CopyObject", 1, with("ec", persist), "C_CopyObject of the public half of ec"},
	{"C_CopyObject", 2, with("ec", persist), "C_CopyObject of ec"},
	{"C_GetAttributeValue", 1, with("ec", persist), "reading the attributes of kept: C_GetAttributeValue"},
	{"C_CopyObject", 2, with("ec", freeze), "C_CopyObject of ec"},
	{"C_CopyObject", 1, with("aes", reduce), "C_CopyObject of aes"},
	{"C_GetAttributeValue", 1, with("aes", reduce), "reading the attributes of the transfer copy: C_GetAttributeValue"},
	{"C_SignInit", 1, with("ec", sign), "C_SignInit with ec"},
	{"C_Sign", 1, with("rsa", sign), "C_Sign with rsa"},
	{"C_SignInit", 1, with("ec", func(s *Session, k Key) error { return s.Proves(k, Identity{}) }), "C_SignInit with ec"},
	{"C_EncryptInit", 1, with("aes", check), "C_EncryptInit with aes"},
	{"C_Encrypt", 1, with("aes", func(s *Session, k Key) error { return s.Proves(k, Identity{}) }), "C_Encrypt with aes"},
	{"C_GetAttributeValue", 1, with("aes", permit), "C_GetAttributeValue"},
	{"C_GetAttributeValue", 1, with("aes", (*Session).ProbeOneWay), "C_GetAttributeValue"},
	{
		"C_WrapKey", 1, func(_ *testing.T, r *rig) error { return r.wrap(r.s, r.keys["aes"]) },
		"C_WrapKey of aes with CKM_AES_KEY_WRAP_PAD",
	},
}

// TestCallsFail has one call of the library fail in each operation, which then
// leaves nothing behind.
func TestCallsFail(t *testing.T) {
	r := faultyWorld(t)
	r.keys = map[string]Key{}
	for label, name := range map[string]string{"ec": "P-256", "aes": "AES-128", "rsa": "RSA-2048"} {
		r.keys[label] = must[Key](t)(r.s.Generate(Spec{Kind: kind(t, name)}, label, TokenObject))
	}
	apart := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-256")}, "apart", TokenObject))
	ok(t, r.s.raw.Set(apart.public, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, "another")}))
	must[Key](t)(r.s.FindKey("apart"))
	before := len(must[[]Item](t)(r.s.Inventory()))
	for _, c := range failingCalls {
		t.Run(fmt.Sprintf("%s, %s %d", c.want, c.function, c.n), func(t *testing.T) {
			r.failCall(t, c.function, c.n, pkcs11.CKR_DEVICE_ERROR)
			err := c.try(t, r)
			t.Setenv("SHIM_AT", "")
			r.endOperation()
			expect(t, err, failure{c.want + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
			if now := len(must[[]Item](t)(r.s.Inventory())); now != before {
				t.Errorf("%d objects on the token, were %d", now, before)
			}
		})
	}
}

// endOperation ends what the library has begun when the shim said that it failed.
func (r *rig) endOperation() {
	_, _ = r.s.raw.Ctx.Sign(r.s.raw.Handle, make([]byte, 32))
	_, _ = r.s.raw.Ctx.Encrypt(r.s.raw.Handle, make([]byte, 16))
}

// TestNoCopy: a module without C_CopyObject is not one that fails.
func TestNoCopy(t *testing.T) {
	r := faultyWorld(t)
	k := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-256")}, "ec", SessionObject))
	r.failCall(t, "C_CopyObject", 1, pkcs11.CKR_FUNCTION_NOT_SUPPORTED)
	_, err := r.s.Reduce(k)
	expect(t, err, failure{r.token.String() + " offers no C_CopyObject, which copying ec needs", exitcode.HSM, ""})
	if !errors.Is(err, ErrNoCopy) {
		t.Error("it is not ErrNoCopy")
	}
}

func TestWrapRefuses(t *testing.T) {
	r := faultyWorld(t)
	vault := r.trustVault(t)
	k := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "AES-128")}, "aes", SessionObject))
	plain := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "AES-256")}, "plain", SessionObject))
	for _, c := range []struct {
		name string
		w    Wrapping
		want string
		code exitcode.Code
	}{
		{"no form", Wrapping{}, `form of wrapping "": expected "one call" or "two steps"`, exitcode.Failed},
		{
			"one call", Wrapping{Form: keywrap.OneCall, Outer: r.kmObject},
			"C_WrapKey of aes with CKM_RSA_AES_KEY_WRAP: CKR_MECHANISM_INVALID", exitcode.HSM,
		},
		{
			"an untrusted transfer key", Wrapping{Form: keywrap.TwoSteps, Outer: vault.Outer, Inner: plain.object},
			"C_WrapKey of aes with CKM_AES_KEY_WRAP_PAD: CKR_KEY_FUNCTION_NOT_PERMITTED", exitcode.HSM,
		},
		{
			"KW for a vault", Wrapping{Form: keywrap.TwoSteps, Outer: vault.Outer, Inner: r.kw},
			"C_WrapKey of the transfer key under the KEK with RSA-OAEP (SHA-1): CKR_KEY_UNEXTRACTABLE", exitcode.HSM,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := r.s.Wrap(c.w, k)
			expect(t, err, failure{c.want, c.code, ""})
		})
	}
}

// TestGenerateRefuses: a module that cannot make the key is named, and nothing
// is left.
func TestGenerateRefuses(t *testing.T) {
	r := faultyWorld(t)
	odd := kind(t, "AES-128")
	odd.Bits = 136
	_, err := r.s.Generate(Spec{Kind: odd}, "odd", TokenObject)
	expect(t, err, failure{"C_GenerateKey of odd: CKR_ATTRIBUTE_VALUE_INVALID", exitcode.HSM, ""})
	t.Setenv("SHIM_REPORT", "0x210=0") // WRAP_WITH_TRUSTED
	_, err = r.s.Generate(Spec{Kind: kind(t, "P-256")}, "weak", TokenObject)
	expect(t, err, failure{r.token.String() + " shows CKA_WRAP_WITH_TRUSTED=false on weak instead of true " +
		"(only under a key that a quorum has trusted)", exitcode.HSM, ""})
	t.Setenv("SHIM_REPORT", "")
	if items := must[[]Item](t)(r.s.Inventory()); len(items) != 3 {
		t.Errorf("on the token: %+v", items)
	}
}
