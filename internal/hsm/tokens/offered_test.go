package tokens

import (
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// TestOffered: a mechanism that the module says nothing of is listed all the same.
func TestOffered(t *testing.T) {
	r := newRig(t)
	for _, m := range must[[]Mechanism](t)(r.Offered(r.token)) {
		if m.Number == "0x9" && (m.Flags == "0x0" || m.MaxSize < 4096 || m.Fault != "") {
			t.Errorf("RSA-OAEP: %+v", m)
		}
	}
	r.fails(t, "C_GetMechanismInfo", 1, pkcs11.CKR_DEVICE_ERROR)
	first := must[[]Mechanism](t)(r.Offered(r.token))[0]
	if first.Fault != "CKR_DEVICE_ERROR" || first.Number == "" || first.Flags != "" {
		t.Errorf("%+v", first)
	}
	r.fails(t, "C_GetMechanismList", 1, pkcs11.CKR_DEVICE_ERROR)
	_, err := r.Offered(Token{Slot: 7})
	expect(t, err, failure{"C_GetMechanismList of slot 7: CKR_DEVICE_ERROR", exitcode.HSM, ""})
}
