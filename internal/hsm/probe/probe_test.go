package probe

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/shim"
)

// trial is one probe of the rig.
type trial struct {
	name string
	try  func() error
}

// trials are all probes, each of what it is made for.
func (r *rig) trials(t *testing.T) []trial {
	t.Helper()
	ec := r.pair(t, kind(t, "P-256"))
	rsa, rsaCopy := r.pair(t, kind(t, "RSA-2048")), r.pair(t, kind(t, "RSA-2048"), useless()...)
	aes, aesCopy := r.aes(t, used()...), r.aes(t, append(useless(), p11.Has(pkcs11.CKA_ENCRYPT, false, "is not used"))...)
	return []trial{
		{"KM frozen", func() error { return r.Frozen(r.km) }},
		{"KW frozen", func() error { return r.Frozen(r.kw) }},
		{"KW only wraps", func() error { return r.WrapsOnly(r.kw) }},
		{"anchor wraps nothing", func() error { return r.WrapsNothing(r.anchor) }},
		{"EC key frozen", func() error { return r.Frozen(ec) }},
		{"AES key frozen", func() error { return r.Frozen(aes) }},
		{"EC key not wrapped", func() error { return r.WrapWithTrusted(ec) }},
		{"AES key not wrapped", func() error { return r.WrapWithTrusted(aes) }},
		{"RSA key not read", func() error { return r.Unreadable(rsa, pkcs11.CKA_PRIVATE_EXPONENT) }},
		{"RSA copy not used", func() error { return r.Useless(rsaCopy, kind(t, "RSA-2048"), rsa.Object) }},
		{"AES copy not used", func() error { return r.Useless(aesCopy, kind(t, "AES-256"), aes.Object) }},
		{"no trust", func() error { return r.Trust() }},
		{"two steps", func() error { return r.TwoSteps() }},
		{"EC key not revealed by derivation", func() error { return r.Derives(ec) }},
		{"KW not revealed by derivation", func() error { return r.Derives(r.kw) }},
		{"zeros behind a key", func() error { _, err := r.ZeroPads(false); return err }},
	}
}

func used() []p11.Attribute {
	return []p11.Attribute{
		p11.Has(pkcs11.CKA_ENCRYPT, true, "is used"), p11.Has(pkcs11.CKA_DECRYPT, true, "is used"),
	}
}

// useless is what an AES or RSA copy is reduced to, as far as both have it.
func useless() []p11.Attribute {
	return []p11.Attribute{
		p11.Has(pkcs11.CKA_SIGN, false, "is not used"), p11.Has(pkcs11.CKA_DECRYPT, false, "is not used"),
	}
}

// TestHonestToken: SoftHSM keeps its promises, and nothing of the probes stays.
func TestHonestToken(t *testing.T) {
	derives(t, "0x360,0x362,0x363,0x364,0x365", "")
	r := newRig(t)
	for _, c := range r.trials(t) {
		if err := c.try(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if w := must[KeyWrap](t)(r.KeyWrap()); w != pkcs11.CKM_AES_KEY_WRAP_PAD || w.String() != "CKM_AES_KEY_WRAP_PAD" {
		t.Errorf("AES key wrap is %v", w)
	}
	if KeyWrap(p11.KWP).String() != "CKM_AES_KEY_WRAP_KWP" {
		t.Errorf("KWP is %v", KeyWrap(p11.KWP))
	}
	if left := r.labels(t); !slices.Equal(left, []string{"KM", "KW", "anchor"}) {
		t.Errorf("on the token: %q", left)
	}
}

// TestSweep: what an interrupted probe has left goes, and nothing else.
func TestSweep(t *testing.T) {
	r := newRig(t)
	must[p11.Object](t)(r.generateAES(worthless(p11.TokenObject), 16))
	ok(t, r.WrapsNothing(r.anchor))
	if left := r.labels(t); !slices.Equal(left, []string{"KM", "KW", "anchor"}) {
		t.Errorf("on the token: %q", left)
	}
}

// TestEveryCallLost: whichever call the device is lost in, no probe passes, and
// none says that a restriction is not enforced.
func TestEveryCallLost(t *testing.T) {
	derives(t, "0x360,0x362", "")
	r := newRig(t)
	withoutSlowRoute(t)
	seen, points := 0, 0
	for _, c := range r.trials(t) {
		before := len(shim.Calls(t, r.log))
		r.forget()
		ok(t, c.try())
		for i, call := range shim.Calls(t, r.log)[before:] {
			if harmless(call) {
				continue
			}
			points++
			r.forget()
			t.Setenv("SHIM_DO", "fail=0x32")
			t.Setenv("SHIM_AT", strconv.Itoa(i+1))
			err := c.try()
			t.Setenv("SHIM_AT", "")
			switch {
			case err == nil || errors.Is(err, ErrNotEnforced):
				t.Errorf("%s: call %d, %s, is lost: %v", c.name, i+1, call, err)
			case exitcode.Of(err) != exitcode.HSM || !strings.Contains(err.Error(), "CKR_DEVICE_REMOVED"):
				t.Errorf("%s: call %d, %s, is lost: %v", c.name, i+1, call, err)
			default:
				seen++
			}
		}
	}
	t.Logf("%d of %d lost calls seen", seen, points)
}

// withoutSlowRoute leaves out the generation of RSA keys.
func withoutSlowRoute(t *testing.T) {
	t.Helper()
	all := routes
	t.Cleanup(func() { routes = all })
	routes = slices.DeleteFunc(slices.Clone(routes), func(r route) bool { return r.call == "C_GenerateKeyPair" })
}

// forget makes the next probe find out everything again.
func (r *rig) forget() {
	r.Prober = New(r.s, r.slot, &Facts{})
}

// harmless calls clean up; or end an operation that should not have begun.
func harmless(call string) bool {
	return slices.Contains([]string{"C_DestroyObject", "C_FindObjectsFinal", "C_Sign", "C_Decrypt", "C_Encrypt"}, call)
}
