package probe

import "testing"

// TestRefusesOneCall: KM, whose template here allows every mechanism, wraps.
func TestRefusesOneCall(t *testing.T) {
	r := newRig(t)
	t.Setenv("SHIM_RSA_AES", "1")
	expect(t, r.RefusesOneCall(r.km), dishonest+
		"KM wraps with CKM_RSA_AES_KEY_WRAP, whose AES key this library shows to other processes", otherModule)
	ok(t, r.RefusesOneCall(r.anchor))
	t.Setenv("SHIM_RSA_AES", "")
	expect(t, New(r.s, r.slot, r.facts).RefusesOneCall(r.anchor), noAnswer+
		"anchor wraps with CKM_RSA_AES_KEY_WRAP, whose AES key this library shows to other processes: "+
		"CKR_MECHANISM_INVALID"+noControl+"CKR_MECHANISM_INVALID", "")
}
