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
	} {
		if got := IsUnreached(c.err); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
	marked := Unreached(exitcode.Errorf(exitcode.HSM, "no token").Hint("connect it"))
	if marked.Error() != "no token" || exitcode.Of(marked) != exitcode.HSM || exitcode.HintOf(marked) != "connect it" {
		t.Errorf("%v", marked)
	}
	if Unreached(nil) != nil {
		t.Error("nil is an error")
	}
}
