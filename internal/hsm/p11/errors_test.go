package p11

import (
	"errors"
	"fmt"
	"slices"
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

// refusals are all return values that may mean a refusal, beside a control.
var refusals = []uint{0x10, 0x11, 0x13, 0x1B, 0x60, 0x68, 0x69, 0x6A, 0xD1, 0x101, 0x113, 0x114, 0x115, 0x200}

// losses are all return values that mean a lost device or session.
var losses = []uint{0x2, 0x30, 0x31, 0x32, 0xB0, 0xB3, 0xE0, 0x190}

// TestRefusalsAndLosses: every return value that there is means one thing at
// most. Among those that never mean a refusal are CKR_GENERAL_ERROR,
// CKR_FUNCTION_FAILED, CKR_ATTRIBUTE_TYPE_INVALID, CKR_DATA_INVALID,
// CKR_DEVICE_…, CKR_FUNCTION_NOT_SUPPORTED and CKR_MECHANISM_….
func TestRefusalsAndLosses(t *testing.T) {
	for code := range uint(0x220) {
		err := Fail("doing", pkcs11.Error(code))
		if Refusal(err) != slices.Contains(refusals, code) || Gone(err) != slices.Contains(losses, code) {
			t.Errorf("0x%x: refusal %t, gone %t", code, Refusal(err), Gone(err))
		}
	}
	for _, never := range []uint{0x05, 0x06, 0x12, 0x20, 0x30, 0x31, 0x32, 0x54, 0x70, 0x71} {
		if slices.Contains(refusals, never) {
			t.Errorf("0x%x", never)
		}
	}
	if Refusal(nil) || Gone(nil) {
		t.Error("success is taken for a failure")
	}
}
