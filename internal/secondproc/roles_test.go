package secondproc

import (
	"os"
	"reflect"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
	"byok/internal/testkit/softhsm"
)

// TestProveInOneSession: a token that allows one session at a time is proved as
// well.
func TestProveInOneSession(t *testing.T) {
	softhsm.New(t)
	library := shim.Build(t)
	if err := os.WriteFile(library+".conf", []byte("SHIM_SESSIONS=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, token := prepared(t, library)
	rows, err := Prove(m, token, pin(soPIN), pin(userPIN))
	if err != nil || !reflect.DeepEqual(rows, hold(nil, Held).rows()) {
		t.Errorf("%v\n%+v", err, rows)
	}
	_, err = Prove(m, token, pin("wrong"), pin(userPIN))
	expect(t, err, failure{"wrong SO PIN for " + token.String() + " (CKR_PIN_INCORRECT); the token counts wrong PINs and will " +
		"lock it after a few more", exitcode.HSM, ""})
	t.Setenv("SHIM_DO", "fail=0x30")
	t.Setenv("SHIM_AT", "C_Logout#1")
	_, err = Prove(m, token, pin(soPIN), pin(userPIN))
	expect(t, err, failure{"C_Logout on " + token.String() + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
	t.Setenv("SHIM_AT", "C_OpenSession#2")
	_, err = Prove(m, token, pin(soPIN), pin(userPIN))
	expect(t, err, failure{"a second session with " + token.String() + ": C_OpenSession: CKR_DEVICE_ERROR", exitcode.HSM, ""})
	t.Setenv("SHIM_AT", "")
	t.Setenv("SHIM_SESSIONS", "") // the look itself takes two
	if left := objects(t, m, token); len(left) > 0 {
		t.Errorf("left on the token: %q", left)
	}
}
