package probe

import (
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/wrapping"
)

const (
	noAnswer  = "did not answer whether "
	noControl = ", but without the restriction it fails as well: "
)

// TestNoAnswer: what fails for another reason than the restriction, or fails
// always, proves nothing.
func TestNoAnswer(t *testing.T) {
	r := newRig(t)
	key := r.pair(t, kind(t, "P-256"))
	frozen := func() error { return r.Frozen(r.km) }
	wrapped := func() error { return r.WrapWithTrusted(key) }
	for _, c := range []struct {
		name, function string
		code           uint
		try            func() error
		want           string
	}{
		{
			"no C_SetAttributeValue", "C_SetAttributeValue", pkcs11.CKR_FUNCTION_NOT_SUPPORTED, frozen,
			"CKA_ENCRYPT of KM can be set to true (only wraps): CKR_FUNCTION_NOT_SUPPORTED",
		},
		{
			"nothing can be set", "C_SetAttributeValue", pkcs11.CKR_ATTRIBUTE_READ_ONLY, frozen,
			"CKA_ENCRYPT of KM can be set to true (only wraps): " +
				"CKR_ATTRIBUTE_READ_ONLY" + noControl + "CKR_ATTRIBUTE_READ_ONLY",
		},
		{
			"no C_CopyObject", "C_CopyObject", pkcs11.CKR_FUNCTION_NOT_SUPPORTED, frozen,
			"KM can be copied to the session with CKA_ENCRYPT=true (only wraps): CKR_FUNCTION_NOT_SUPPORTED",
		},
		{
			"nothing can be copied", "C_CopyObject", pkcs11.CKR_ATTRIBUTE_READ_ONLY, frozen,
			"KM can be copied to the session with CKA_ENCRYPT=true (only wraps): " +
				"CKR_ATTRIBUTE_READ_ONLY" + noControl + "CKR_ATTRIBUTE_READ_ONLY",
		},
		{
			"no private key can be wrapped", "C_WrapKey", pkcs11.CKR_KEY_NOT_WRAPPABLE, wrapped,
			"key can be wrapped with CKM_RSA_PKCS_OAEP under an RSA key that is not trusted: " +
				"CKR_KEY_NOT_WRAPPABLE" + noControl + "CKR_KEY_NOT_WRAPPABLE",
		},
		{
			"nothing can be read", "C_GetAttributeValue", pkcs11.CKR_ATTRIBUTE_SENSITIVE,
			func() error { return r.Unreadable(key, pkcs11.CKA_VALUE) },
			"the value of key can be read: CKR_ATTRIBUTE_SENSITIVE" + noControl + "CKR_ATTRIBUTE_SENSITIVE",
		},
		{
			"nothing can be unwrapped", "C_UnwrapKey", pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED,
			func() error { return r.WrapsOnly(r.kw) },
			"KW unwraps what it has wrapped: CKR_KEY_FUNCTION_NOT_PERMITTED" + noControl + "CKR_KEY_FUNCTION_NOT_PERMITTED",
		},
		{
			"nothing can be decrypted", "C_DecryptInit", pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED,
			func() error { return r.WrapsOnly(r.kw) },
			"KW decrypts: CKR_KEY_FUNCTION_NOT_PERMITTED" + noControl + "CKR_KEY_FUNCTION_NOT_PERMITTED",
		},
		{
			"nothing wraps", "C_WrapKey", pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED,
			func() error { return r.WrapsNothing(r.anchor) },
			"anchor wraps: CKR_KEY_FUNCTION_NOT_PERMITTED" + noControl + "CKR_KEY_FUNCTION_NOT_PERMITTED",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.forget()
			must[p11.Object](t)(r.plain(p11.SecretKey))
			must[KeyWrap](t)(r.KeyWrap())
			clear(r.controls)
			r.fails(t, c.function, 1, c.code)
			expect(t, c.try(), noAnswer+c.want, "")
		})
	}
}

// TestUsesThatAModuleLacks: a control needs one of the uses.
func TestUsesThatAModuleLacks(t *testing.T) {
	r := newRig(t)
	plain := must[p11.Object](t)(r.plain(p11.SecretKey))
	set := func(t p11.Template) error { return r.s.Set(plain, t.Raw()) }
	for _, c := range []struct {
		unknown string
		want    error
	}{
		{"", nil},
		{"0x108", nil}, // SIGN
		{"0x104,0x105,0x107,0x108,0x10C", pkcs11.Error(pkcs11.CKR_ATTRIBUTE_TYPE_INVALID)},
	} {
		t.Setenv("SHIM_UNKNOWN", c.unknown)
		if err := givesUses(uses(p11.SecretKey), set); err != c.want {
			t.Errorf("without %s: %v", c.unknown, err)
		}
	}
}

// TestRoutesThatAreNotOffered: a route that is closed to everybody leads nowhere;
// another one of the same kind of key must have been refused.
func TestRoutesThatAreNotOffered(t *testing.T) {
	r := newRig(t)
	must[p11.Object](t)(r.plain(p11.SecretKey))
	must[p11.Object](t)(r.plain(p11.PublicKey))
	must[KeyWrap](t)(r.KeyWrap())
	r.fails(t, "C_CreateObject", 1, pkcs11.CKR_FUNCTION_NOT_SUPPORTED)
	ok(t, r.Trust())
	all := routes
	t.Cleanup(func() { routes = all })
	for _, c := range []struct {
		kind wrapping.Key
		want string
	}{
		{
			wrapping.UnderAES,
			"the user can make an AES key trusted with C_CreateObject, as a token object: CKR_FUNCTION_NOT_SUPPORTED",
		},
		{
			wrapping.UnderRSA,
			"the user can make an RSA key trusted with C_CreateObject, as a token object: CKR_FUNCTION_NOT_SUPPORTED",
		},
	} {
		routes = slices.DeleteFunc(slices.Clone(all), func(r route) bool {
			return r.kind == c.kind && r.call != "C_CreateObject" || r.call == "C_GenerateKeyPair" && r.kind != c.kind
		})
		t.Run(string(c.kind), func(t *testing.T) { expect(t, r.Trust(), noAnswer+c.want, "") })
	}
}

func TestNoWrappingListed(t *testing.T) {
	t.Setenv("SHIM_HIDE_MECHANISMS", "0x1,0x3,0x9,0x1054,0x1081,0x1082,0x1085,0x1086,0x1087,0x1088,0x131,0x132,0x133,0x136,0x2109,0x210A")
	r := newRig(t)
	expect(t, r.WrapWithTrusted(r.aes(t)),
		noAnswer+"key can be wrapped under a key that is not trusted: the token lists no mechanism to wrap with", "")
}
