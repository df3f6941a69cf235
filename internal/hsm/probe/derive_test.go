package probe

import (
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/shim"
)

const concatenate = "0x360"

// derives sets what the module derives with, and by which rule.
func derives(t *testing.T, mechanisms, rule string) {
	t.Helper()
	t.Setenv("SHIM_DERIVE", mechanisms)
	t.Setenv("SHIM_DERIVE_RULE", rule)
}

// TestDerives: each rule by which a module may let keys be derived.
func TestDerives(t *testing.T) {
	const (
		asBase    = ", as the base key"
		asOther   = ", as the other key"
		revealed  = "key can be revealed with "
		worthless = ": with worthless keys: "
		joined    = revealed + "CKM_CONCATENATE_BASE_AND_KEY"
	)
	for _, c := range []struct {
		name, mechanisms, rule string
		want                   string // "" if enforced
		hint                   string
	}{
		{"refused", "0x360,0x362,0x363,0x364,0x365", "", "", ""},
		{"refused by its type", concatenate, "class", "", ""},
		{"neither read nor wrapped", concatenate, "inherit", "", ""},
		{"not for C_DeriveKey", concatenate, "unused", "", ""},
		{"one-way", "0x393,0x1104,0x1050,0x21", "open", "", ""},
		{"any key", concatenate, "open", dishonest + joined + asBase, otherModule},
		{"the standard", concatenate, "standard", dishonest + joined + asBase, otherModule},
		{"data behind", "0x362", "open", dishonest + revealed + "CKM_CONCATENATE_BASE_AND_DATA" + asBase, otherModule},
		{"data in front", "0x363", "open", dishonest + revealed + "CKM_CONCATENATE_DATA_AND_BASE" + asBase, otherModule},
		{"data", "0x364", "open", dishonest + revealed + "CKM_XOR_BASE_AND_DATA" + asBase, otherModule},
		{"a part", "0x365", "open", dishonest + revealed + "CKM_EXTRACT_KEY_FROM_KEY" + asBase, otherModule},
		{
			"the same for all", concatenate, "constant",
			noAnswer + joined + asBase + ": C_DeriveKey gives the same key for different keys", "",
		},
		{
			"nonsense", concatenate, fmt.Sprintf("0x%x", pkcs11.CKR_GENERAL_ERROR),
			noAnswer + joined + asBase + ": CKR_GENERAL_ERROR", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			derives(t, c.mechanisms, c.rule)
			for _, key := range []Target{r.aes(t), r.pair(t, kind(t, "P-256"))} {
				err := r.Derives(key)
				if c.want != "" {
					expect(t, err, c.want, c.hint)
				} else if err != nil {
					t.Errorf("%v: %v", key.Class, err)
				}
				if on, err := r.s.Flag(key.Object, pkcs11.CKA_DERIVE); err != nil || on {
					t.Errorf("DERIVE is left on %v: %t, %v", key.Class, on, err)
				}
			}
		})
	}
}

// TestOtherKey: a trusted key cannot get DERIVE, so it is never the base key; a
// module that does not look at the other key reveals it all the same.
func TestOtherKey(t *testing.T) {
	for _, c := range []struct{ rule, want string }{
		{"", ""},
		{"standard", ""}, // KW is not extractable
		{"class", ""},
		{"open", dishonest + "KW can be revealed with CKM_CONCATENATE_BASE_AND_KEY, as the other key"},
	} {
		t.Run("rule "+c.rule, func(t *testing.T) {
			r := newRig(t)
			derives(t, concatenate, c.rule)
			if err := r.Derives(r.kw); c.want == "" {
				ok(t, err)
			} else {
				expect(t, err, c.want, otherModule)
			}
		})
	}
}

// TestDerivedInClear: the derived key can be read where it cannot be wrapped.
func TestDerivedInClear(t *testing.T) {
	r := newRig(t)
	derives(t, concatenate, "open")
	key := r.aes(t)
	must[KeyWrap](t)(r.KeyWrap())
	r.fails(t, "C_WrapKey", 1, pkcs11.CKR_KEY_NOT_WRAPPABLE)
	expect(t, r.Derives(key), dishonest+"key can be revealed with CKM_CONCATENATE_BASE_AND_KEY, as the base key",
		otherModule)
}

// TestNoDerivation: what fails with worthless keys as well, or fails otherwise
// than by a refusal, proves nothing.
func TestNoDerivation(t *testing.T) {
	const whether = noAnswer + "key can be revealed with CKM_CONCATENATE_BASE_AND_KEY, as the base key: "
	r := newRig(t)
	derives(t, concatenate, "")
	key := r.aes(t)
	must[KeyWrap](t)(r.KeyWrap())
	must[p11.Object](t)(r.plain(p11.SecretKey))
	for _, c := range []struct {
		name, function string
		n              int
		code           uint
		rule, want     string
	}{
		{
			"nothing derived", "C_DeriveKey", 1, pkcs11.CKR_MECHANISM_INVALID, "",
			whether + "with worthless keys: CKR_MECHANISM_INVALID",
		},
		{
			"no worthless keys", "C_GenerateKey", 1, pkcs11.CKR_TEMPLATE_INCONSISTENT, "",
			whether + "with worthless keys: CKR_TEMPLATE_INCONSISTENT",
		},
		{
			"no second key", "C_GenerateKey", 2, pkcs11.CKR_TEMPLATE_INCONSISTENT, "",
			whether + "with worthless keys: CKR_TEMPLATE_INCONSISTENT",
		},
		{
			"nothing wrapped", "C_WrapKey", 1, pkcs11.CKR_GENERAL_ERROR, "inherit",
			whether + "with worthless keys: CKR_GENERAL_ERROR",
		},
		{"wrapped no more", "C_WrapKey", 3, pkcs11.CKR_GENERAL_ERROR, "inherit", whether + "CKR_GENERAL_ERROR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SHIM_DERIVE_RULE", c.rule)
			clear(r.derived)
			clear(r.objects)
			must[p11.Object](t)(r.plain(p11.SecretKey))
			r.fails(t, c.function, c.n, c.code)
			expect(t, r.Derives(key), c.want, "")
		})
	}
}

// TestUnknown: what the tables do not know is listed by its number.
func TestUnknown(t *testing.T) {
	t.Setenv("SHIM_WRAP", "0x80004321,0x210B")
	derives(t, "0x80001234,0x360,0x393,0x80000001", "")
	r := newRig(t)
	for _, c := range []struct {
		function uint
		want     []uint
	}{
		{pkcs11.CKF_DERIVE, []uint{0x80000001, 0x80001234}},
		{pkcs11.CKF_WRAP, []uint{pkcs11.CKM_DES_ECB, pkcs11.CKM_DES_CBC, pkcs11.CKM_DES_CBC_PAD, 0x80004321}},
	} {
		if got := must[[]uint](t)(r.Unknown(c.function)); !slices.Equal(got, c.want) {
			t.Errorf("function 0x%X: %#x", c.function, got)
		}
	}
	r.fails(t, "C_GetMechanismInfo", 1, pkcs11.CKR_FUNCTION_FAILED)
	_, err := r.Unknown(pkcs11.CKF_DERIVE)
	if err == nil || err.Error() != "C_GetMechanismInfo of 0x0: CKR_FUNCTION_FAILED" {
		t.Errorf("%v", err)
	}
	expectLost(t, r.Derives(r.kw), "C_GetMechanismInfo of 0x360: CKR_FUNCTION_FAILED")
}

func expectLost(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || err.Error() != text || exitcode.Of(err) != exitcode.HSM {
		t.Errorf("%v (status %d)", err, exitcode.Of(err))
	}
}

// TestNoCalls: a module that derives only what reveals nothing, as SoftHSM
// 2.6.1, is asked for its list and for nothing else.
func TestNoCalls(t *testing.T) {
	r := newRig(t)
	key := r.aes(t)
	before := len(shim.Calls(t, r.log))
	for range 2 {
		ok(t, r.Derives(key))
	}
	want := []string{"C_GetMechanismList", "C_GetMechanismList"} // the binding asks for the length first
	if got := shim.Calls(t, r.log)[before:]; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestDeriveIsPutBack: DERIVE of a key that its owner may change is as it was,
// and it is an error if the module does not put it back.
func TestDeriveIsPutBack(t *testing.T) {
	r := newRig(t)
	derives(t, "0x362", "")
	key := r.aes(t, p11.Has(pkcs11.CKA_DERIVE, true, "derives"))
	ok(t, r.Derives(key))
	if on := must[bool](t)(r.s.Flag(key.Object, pkcs11.CKA_DERIVE)); !on {
		t.Error("DERIVE was true")
	}
	r.fails(t, "C_SetAttributeValue", 2, pkcs11.CKR_FUNCTION_FAILED)
	expectLost(t, r.Derives(key), "C_SetAttributeValue of key to DERIVE as it was: CKR_FUNCTION_FAILED")
}

// TestWaysToDerive: a kept key gets DERIVE by C_SetAttributeValue or by
// C_CopyObject, and each of the two is enough.
func TestWaysToDerive(t *testing.T) {
	for _, closed := range []string{"C_SetAttributeValue", "C_CopyObject"} {
		t.Run("without "+closed, func(t *testing.T) {
			r := newRig(t)
			derives(t, "0x362", "open")
			key := r.aes(t)
			r.fails(t, closed, 1, pkcs11.CKR_FUNCTION_NOT_SUPPORTED)
			expect(t, r.Derives(key), dishonest+"key can be revealed with CKM_CONCATENATE_BASE_AND_DATA, as the base key",
				otherModule)
		})
	}
	t.Run("without either", func(t *testing.T) {
		r := newRig(t)
		derives(t, "0x362", "open")
		key := r.aes(t, p11.Has(pkcs11.CKA_MODIFIABLE, false, "is frozen"))
		ok(t, r.Derives(key))
	})
}
