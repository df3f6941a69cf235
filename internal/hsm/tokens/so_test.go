package tokens

import (
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

func TestLacksSO(t *testing.T) {
	for _, c := range []struct {
		maker string
		flags uint
		want  bool
	}{
		{"Mozilla Foundation", pkcs11.CKF_USER_PIN_INITIALIZED, true},
		{"Mozilla Foundation", 0, false},
		{"SoftHSM project", pkcs11.CKF_USER_PIN_INITIALIZED, false},
	} {
		if got := (Token{Manufacturer: c.maker, flags: c.flags}).LacksSO(); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
	if !HasNoSO(p11.Fail("C_Login", pkcs11.Error(pkcs11.CKR_USER_TYPE_INVALID))) || HasNoSO(pkcs11.Error(pkcs11.CKR_PIN_INCORRECT)) {
		t.Error("the return value")
	}
}
