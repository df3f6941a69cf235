package p11

import (
	"errors"
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"
)

func TestReturnCodeNames(t *testing.T) {
	for _, c := range []struct {
		code uint
		want string
	}{
		{pkcs11.CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT"},
		{0x1B, "CKR_ACTION_PROHIBITED"},
		{0x80000042, "return code 0x80000042"},
	} {
		if got := Named(fmt.Errorf("wrapped: %w", pkcs11.Error(c.code))).Error(); got != c.want {
			t.Errorf("0x%x: %s, want %s", c.code, got, c.want)
		}
		if err := Fail("doing", pkcs11.Error(c.code)); !Is(err, c.code) || Is(err, c.code+1) {
			t.Errorf("0x%x is not recognised after it was named", c.code)
		}
	}
	other := errors.New("another error")
	if got := Named(other); got != other || Is(other, 0) {
		t.Errorf("Named gives %v", got)
	}
}

// TestRefusalsAndLosses: a return value means one thing at most, and a call
// that is not offered means neither.
func TestRefusalsAndLosses(t *testing.T) {
	for _, c := range []struct {
		name          string
		code          uint
		refusal, gone bool
	}{
		{"read only", pkcs11.CKR_ATTRIBUTE_READ_ONLY, true, false},
		{"not wrappable", pkcs11.CKR_KEY_NOT_WRAPPABLE, true, false},
		{"prohibited", ActionProhibited, true, false},
		{"device lost", pkcs11.CKR_DEVICE_REMOVED, false, true},
		{"session lost", pkcs11.CKR_SESSION_HANDLE_INVALID, false, true},
		{"not offered", pkcs11.CKR_FUNCTION_NOT_SUPPORTED, false, false},
		{"no such attribute", pkcs11.CKR_ATTRIBUTE_TYPE_INVALID, false, false},
		{"no such mechanism", pkcs11.CKR_MECHANISM_INVALID, false, false},
		{"general error", pkcs11.CKR_GENERAL_ERROR, false, false},
	} {
		err := Fail("doing", pkcs11.Error(c.code))
		if Refusal(err) != c.refusal || Gone(err) != c.gone {
			t.Errorf("%s: refusal %t, gone %t", c.name, Refusal(err), Gone(err))
		}
	}
	if Refusal(nil) || Gone(nil) {
		t.Error("success is taken for a failure")
	}
}
