package hsm

import (
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// TestProbesDerive: on a module that joins any key to the user's own, and so
// gives it away, no kept key and no trusted key passes.
func TestProbesDerive(t *testing.T) {
	r := faultyWorld(t)
	key := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-256")}, "key", SessionObject))
	ok(t, r.s.ProbeKey(key))
	r.s.Close()
	t.Setenv("SHIM_DERIVE", "0x360,0x80001234")
	t.Setenv("SHIM_DERIVE_RULE", "open")
	t.Setenv("SHIM_WRAP", "0x80004321")
	clear(r.m.facts) // as another library
	r.open(t)
	r.asUser(t)
	key = must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-256")}, "key", SessionObject))
	const gain = "%v does not enforce its restrictions: %s can be revealed with CKM_CONCATENATE_BASE_AND_KEY, as %s"
	const hint = "use another module: byok-offline module check says what this one lacks"
	expect(t, r.s.ProbeKey(key), failure{fmt.Sprintf(gain, r.token, "key", "the base key"), exitcode.HSM, hint})
	kw := must[Object](t)(r.s.FindKW("kw"))
	expect(t, r.s.ProbeTrusted(kw, KW), failure{fmt.Sprintf(gain, r.token, "KW", "the other key"), exitcode.HSM, hint})
	derive := must[[]uint](t)(r.s.Prober().Unknown(pkcs11.CKF_DERIVE))
	wrap := must[[]uint](t)(r.s.Prober().Unknown(pkcs11.CKF_WRAP))
	if !slices.Equal(derive, []uint{0x80001234}) || !slices.Contains(wrap, 0x80004321) {
		t.Errorf("not known: derive %#x, wrap %#x", derive, wrap)
	}
	r.failCall(t, "C_GetMechanismInfo", 1, pkcs11.CKR_FUNCTION_FAILED)
	_, err := r.s.Prober().Unknown(pkcs11.CKF_DERIVE)
	expect(t, err, failure{"C_GetMechanismInfo of 0x0: CKR_FUNCTION_FAILED", exitcode.HSM, ""})
}
