package p11

import (
	"testing"

	"github.com/miekg/pkcs11"
)

// TestAnswered: a device that blames itself for one call and answers the next is
// there; one that answers nothing, or says that it is removed, is not.
func TestAnswered(t *testing.T) {
	s := open(t)
	for _, c := range []struct {
		name string
		at   string
		code uint
		lost bool
	}{
		{"a refused command", "C_GenerateKey", pkcs11.CKR_DEVICE_ERROR, false},
		{"a full log", "C_GenerateKey", pkcs11.CKR_DEVICE_MEMORY, false},
		{"every call from there on", "1+", pkcs11.CKR_DEVICE_ERROR, true},
		{"removed", "C_GenerateKey", pkcs11.CKR_DEVICE_REMOVED, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			fails(t, s, "never", 1, c.code)
			t.Setenv("SHIM_AT", c.at)
			_, err := s.Generate(pkcs11.CKM_AES_KEY_GEN, aes().Raw())
			if err = Fail("C_GenerateKey", err); !Is(err, c.code) || Gone(err) != c.lost {
				t.Errorf("%v: gone %t", err, Gone(err))
			}
			if IsUnreached(err) != c.lost {
				t.Errorf("unreached %t", !c.lost)
			}
			expect(t, err, "C_GenerateKey: "+ReturnCode(c.code).Error())
		})
	}
	if s.Answered(nil) != nil {
		t.Error("success is a failure")
	}
}
