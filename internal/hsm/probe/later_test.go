package probe

import (
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// TestRestrictedLater: SoftHSM lets WRAP_WITH_TRUSTED be set from birth alone.
func TestRestrictedLater(t *testing.T) {
	r := newRig(t)
	ok(t, r.RestrictedLater())
	for _, c := range []struct {
		name     string
		switches map[string]string
		want     string
		hint     string
	}{
		{
			"it can be set", map[string]string{"SHIM_REPORT": "0x210=1", "SHIM_AT": "C_SetAttributeValue+", "SHIM_DO": "fail=0"},
			dishonest + "WRAP_WITH_TRUSTED of a secret key can be set after any key could wrap it", otherModule,
		},
		{
			"no C_SetAttributeValue", map[string]string{"SHIM_ABSENT": "C_SetAttributeValue"},
			noAnswer + "WRAP_WITH_TRUSTED of a secret key can be set after any key could wrap it: CKR_FUNCTION_NOT_SUPPORTED", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range c.switches {
				t.Setenv(name, value)
			}
			r.forget()
			expect(t, r.RestrictedLater(), c.want, c.hint)
		})
	}
	t.Setenv("SHIM_AT", "C_SetAttributeValue+") // it says yes and does not set it
	t.Setenv("SHIM_DO", "fail=0")
	ok(t, r.RestrictedLater())
	for _, call := range []string{"C_GenerateKey+", "C_GenerateKeyPair+", "C_GetAttributeValue+"} {
		t.Setenv("SHIM_AT", "never")
		r.forget()
		t.Setenv("SHIM_DO", "fail=0x32")
		t.Setenv("SHIM_AT", call)
		if err := r.RestrictedLater(); call != "C_GetAttributeValue+" && !p11.Gone(err) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

// TestSessionObjects: what a trusted key wraps, and that it is there.
func TestSessionObjects(t *testing.T) {
	t.Setenv("SHIM_RSA_AES", "1")
	r := newRig(t)
	ok(t, r.WrapsRestricted(r.km.Object, false))
	ok(t, r.WrapsRestricted(r.km.Object, true))
	err := r.WrapsRestricted(must[p11.Object](t)(r.plain(p11.PublicKey)), false)
	if want := "C_WrapKey of a worthless key with WRAP_WITH_TRUSTED: CKR_KEY_NOT_WRAPPABLE"; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	id := must[[][]byte](t)(r.s.Attributes(r.km.Object, pkcs11.CKA_ID))[0]
	if !must[bool](t)(r.Holds(id)) || must[bool](t)(r.Holds(p11.NewID())) {
		t.Error("KM is not there, or what is not there is")
	}
	r.forget()
	t.Setenv("SHIM_DO", "fail=0x32")
	t.Setenv("SHIM_AT", "C_GenerateKey+")
	if err := r.WrapsRestricted(r.km.Object, false); !p11.Gone(err) {
		t.Errorf("%v", err)
	}
}

// TestInPlace: what is frozen in place and what is closed are told apart from
// copies.
func TestInPlace(t *testing.T) {
	r := newRig(t)
	for _, k := range []Target{r.km, r.kw} {
		ok(t, r.Closed(k, r.FrozenInPlace))
		ok(t, r.Closed(k, r.FrozenInCopies))
	}
	t.Setenv("SHIM_ABSENT", "C_CopyObject")
	r.forget()
	ok(t, r.Closed(r.kw, r.FrozenInPlace))
	expect(t, r.Closed(r.kw, r.FrozenInCopies),
		noAnswer+"KW can be copied to the session with CKA_SENSITIVE=false (is never in clear): CKR_FUNCTION_NOT_SUPPORTED", "")
	other := r.kw
	other.Template = other.Template.With(p11.Has(pkcs11.CKA_WRAP, false, "why"))
	expect(t, r.FrozenInPlace(other), "shows CKA_WRAP=true on KW instead of false (why)", "")
	expect(t, r.FrozenInCopies(other), "shows CKA_WRAP=true on KW instead of false (why)", "")
}

// TestUnknownUse: an attribute that a module does not know is no gain, and its
// control does without it.
func TestUnknownUse(t *testing.T) {
	r := newRig(t)
	derives := r.kw
	derives.Template = derives.Template.With(p11.Stays(pkcs11.CKA_DERIVE, false, "derives nothing"))
	t.Setenv("SHIM_UNKNOWN", "0x10c")
	ok(t, r.Frozen(derives))
	t.Setenv("SHIM_UNKNOWN", "")
	t.Setenv("SHIM_QUIRKS", "copy-any-change-0x12") // the attribute is known
	r.forget()
	expect(t, r.Frozen(derives),
		noAnswer+"KW can be copied to the session with CKA_SENSITIVE=false (is never in clear): CKR_ATTRIBUTE_TYPE_INVALID", "")
}

// TestRoundTrip: without AES key wrap with padding another mechanism serves what
// does not rest on RFC 5649.
func TestRoundTrip(t *testing.T) {
	withoutSlowRoute(t)
	r := newRig(t)
	t.Setenv("SHIM_HIDE_MECHANISMS", "0x210A")
	r.Prober = New(r.s, r.slot, &Facts{})
	ok(t, r.Trust())
	if m := must[[]*pkcs11.Mechanism](t)(r.roundTrip())[0].Mechanism; m != pkcs11.CKM_AES_KEY_WRAP {
		t.Errorf("by 0x%X", m)
	}
	t.Setenv("SHIM_TRUST", "C_UnwrapKey")
	expect(t, r.Trust(), dishonest+"the user can make an AES key trusted with C_UnwrapKey, as a session object", otherModule)
	t.Setenv("SHIM_TRUST", "")
	t.Setenv("SHIM_HIDE_MECHANISMS", "0x210A,0x2109,0x1081,0x1082,0x1085,0x1086")
	r.Prober = New(r.s, r.slot, &Facts{})
	_, err := r.roundTrip()
	expect(t, err, "offers no AES key wrap with padding as in RFC 5649: CKM_AES_KEY_WRAP_KWP: not listed; "+
		"CKM_AES_KEY_WRAP_PAD: not listed", "")
	for _, call := range []string{"C_GetMechanismList+", "C_GenerateKey+", "C_UnwrapKey+"} {
		t.Setenv("SHIM_HIDE_MECHANISMS", "0x210A")
		t.Setenv("SHIM_AT", "never")
		r.Prober = New(r.s, r.slot, &Facts{})
		t.Setenv("SHIM_DO", "fail=0x32")
		t.Setenv("SHIM_AT", call)
		if _, err := r.roundTrip(); !p11.Gone(err) {
			t.Errorf("%s: %v", call, err)
		}
	}
}
