package hsm

import (
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/keywrap"
)

// TestLeaksInOneCall: openCryptoki wraps in two steps although it offers
// CKM_RSA_AES_KEY_WRAP, and KM must refuse that mechanism.
func TestLeaksInOneCall(t *testing.T) {
	r := faultyWorld(t)
	r.m.Library = "openCryptoki 3.27"
	t.Setenv("SHIM_RSA_AES", "1")
	r.m.tokenFacts(r.token).form = ""
	if got := must[keywrap.Form](t)(r.m.Form(r.token)); got != keywrap.TwoSteps {
		t.Errorf("form %q", got)
	}
	r.asUser(t)
	expect(t, r.s.ProbeTrusted(r.kmObject, KM), failure{
		r.token.String() + " does not enforce its restrictions: KM wraps with CKM_RSA_AES_KEY_WRAP, " +
			"whose AES key this library shows to other processes",
		exitcode.HSM, "use another module: byok-offline module check says what this one lacks",
	})
	for _, code := range []uint{pkcs11.CKR_MECHANISM_INVALID, pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED} {
		r.failCall(t, "C_WrapKey", 1, code)
		ok(t, r.s.ProbeTrusted(r.kmObject, KM))
	}
	r.failCall(t, "C_WrapKey", 1, pkcs11.CKR_FUNCTION_FAILED)
	expect(t, r.s.ProbeTrusted(r.kmObject, KM), failure{
		r.token.String() + " did not answer whether KM wraps with CKM_RSA_AES_KEY_WRAP, " +
			"whose AES key this library shows to other processes: CKR_FUNCTION_FAILED",
		exitcode.HSM, "",
	})
}
