package p11

import (
	"errors"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

func TestUnreached(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"marked", Unreached(exitcode.Errorf(exitcode.HSM, "no token").Hint("connect it")), true},
		{"marked, and behind something", exitcode.Hint(Unreached(errors.New("no token")), "hint"), true},
		{"device error", Fail("C_Login", pkcs11.Error(pkcs11.CKR_DEVICE_ERROR)), true},
		{"removed", Fail("C_Login", pkcs11.Error(pkcs11.CKR_TOKEN_NOT_PRESENT)), true},
		{"out of memory", Fail("C_Login", pkcs11.Error(pkcs11.CKR_HOST_MEMORY)), false},
		{"wrong PIN", Fail("C_Login", pkcs11.Error(pkcs11.CKR_PIN_INCORRECT)), false},
		{"none", nil, false},
		{"at the first contact, failed", Contact(Fail("C_OpenSession", pkcs11.Error(pkcs11.CKR_GENERAL_ERROR))), true},
		{"at the first contact, failed otherwise", Contact(Fail("C_Login", pkcs11.Error(pkcs11.CKR_FUNCTION_FAILED))), true},
		{"at the first contact, a vendor's", Contact(Fail("C_Login", pkcs11.Error(0x80000044))), true},
		{"at the first contact, not named", Contact(pkcs11.Error(0x80000000)), true},
		{"at the first contact, something else", Contact(Fail("C_Login", pkcs11.Error(pkcs11.CKR_PIN_LOCKED))), false},
		{"later, failed", Fail("C_Sign", pkcs11.Error(pkcs11.CKR_GENERAL_ERROR)), false},
	} {
		if got := IsUnreached(c.err); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
	marked := Unreached(exitcode.Errorf(exitcode.HSM, "no token").Hint("connect it"))
	if marked.Error() != "no token" || exitcode.Of(marked) != exitcode.HSM || exitcode.HintOf(marked) != "connect it" {
		t.Errorf("%v", marked)
	}
	if Unreached(nil) != nil || Contact(nil) != nil {
		t.Error("nil is an error")
	}
}
