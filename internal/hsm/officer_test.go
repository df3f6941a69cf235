package hsm

import (
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

func TestOfficerCallsFail(t *testing.T) {
	m, token := faultyWorld(t)
	so := must[*SecurityOfficer](t)(m.SecurityOfficer(token, pin(soPIN)))
	defer so.Close()
	kek := newKEK(t, 2048)
	for want, c := range map[string]struct {
		function string
		n        int
		work     func() error
	}{
		"C_CreateObject of the module key km as a trusted key": {"C_CreateObject", 1, func() error { return so.CreateModuleKey("km", secret.Take(random(32))) }},
		"C_CreateObject of the KEK kek as a trusted key":       {"C_CreateObject", 1, func() error { return so.TrustKEK("kek", kek.public) }},
		"C_GenerateKey of the transfer key transfer":           {"C_GenerateKey", 1, func() error { return so.GenerateTransferKey("transfer") }},
		"reading CKA_TOKEN of kek: C_GetAttributeValue":        {"C_GetAttributeValue", 1, func() error { return so.TrustKEK("kek", kek.public) }},
		"C_GetAttributeValue":                                  {"C_GetAttributeValue", 17, func() error { return so.TrustKEK("kek", kek.public) }},
		fmt.Sprintf("C_InitPIN on %v", token):                  {"C_InitPIN", 1, func() error { return so.SetUserPIN(pin("another PIN")) }},
	} {
		t.Run(want, func(t *testing.T) {
			failCall(t, m, c.function, c.n, pkcs11.CKR_DEVICE_ERROR)
			expect(t, c.work(), failure{want + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
		})
	}
}

// Without the quorum nobody makes a key trusted.
func TestOperatorCannotTrust(t *testing.T) {
	m, token := world(t)
	u := asUser(t, m, token)
	operator := SecurityOfficer{u.session}
	kek := newKEK(t, 2048)
	expect(t, operator.CreateModuleKey("km2", secret.Take(random(32))), failure{"C_CreateObject of the module key km2 as a trusted key: CKR_ATTRIBUTE_READ_ONLY", exitcode.HSM, ""})
	expect(t, operator.TrustKEK("kek", kek.public), failure{"C_CreateObject of the KEK kek as a trusted key: CKR_ATTRIBUTE_READ_ONLY", exitcode.HSM, ""})
	expect(t, operator.GenerateTransferKey("transfer"), failure{"C_GenerateKey of the transfer key transfer: CKR_ATTRIBUTE_READ_ONLY", exitcode.HSM, ""})
	expect(t, operator.SetUserPIN(pin("another PIN")), failure{fmt.Sprintf("C_InitPIN on %v: CKR_USER_NOT_LOGGED_IN", token), exitcode.HSM, ""})
}
