package hsm

import (
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

const (
	lowWords    = "; the token counts wrong PINs and will lock it after a few more"
	finalWords  = "; one try is left before the token locks it"
	lockedWords = "; the token has locked this PIN"
)

func TestWrongPIN(t *testing.T) {
	m, token := faultyWorld(t)
	for _, c := range []struct{ flags, words string }{{"", lowWords}, {"0x220000", finalWords}, {"0x440000", lockedWords}} { // CKF_…_PIN_FINAL_TRY, CKF_…_PIN_LOCKED of both
		t.Setenv("SHIM_FLAGS", c.flags)
		_, err := m.User(token, pin("a wrong PIN"))
		expect(t, err, failure{fmt.Sprintf("wrong user PIN for %v (CKR_PIN_INCORRECT)%s", token, c.words), exitcode.HSM, ""})
		_, err = m.SecurityOfficer(token, pin("a wrong PIN"))
		expect(t, err, failure{fmt.Sprintf("wrong SO PIN for %v (CKR_PIN_INCORRECT)%s", token, c.words), exitcode.HSM, ""})
	}
	asUser(t, m, token) // and the right one still opens it
}

func TestLoginFails(t *testing.T) {
	m, token := faultyWorld(t)
	user := func() error { _, err := m.User(token, pin(userPIN)); return err }
	officer := func() error { _, err := m.SecurityOfficer(token, pin(soPIN)); return err }
	for name, c := range map[string]struct {
		function string
		n        int
		code     uint
		login    func() error
		want     string
		hint     string
	}{
		"not initialised again": {"C_Initialize", 2, pkcs11.CKR_HOST_MEMORY, user, "PKCS#11 library " + m.Path + " could not be initialised: CKR_HOST_MEMORY",
			"check the library's own configuration and that the HSM is connected"},
		"user PIN locked":    {"C_Login", 1, pkcs11.CKR_PIN_LOCKED, user, fmt.Sprintf("the user PIN of %v is locked (CKR_PIN_LOCKED)", token), ""},
		"SO PIN locked":      {"C_Login", 1, pkcs11.CKR_PIN_LOCKED, officer, fmt.Sprintf("the SO PIN of %v is locked (CKR_PIN_LOCKED)", token), ""},
		"device lost, user":  {"C_Login", 1, pkcs11.CKR_DEVICE_REMOVED, user, fmt.Sprintf("C_Login as user on %v: CKR_DEVICE_REMOVED", token), ""},
		"device lost, SO":    {"C_Login", 1, pkcs11.CKR_DEVICE_REMOVED, officer, fmt.Sprintf("C_Login as SO on %v: CKR_DEVICE_REMOVED", token), ""},
		"no session, user":   {"C_OpenSession", 2, pkcs11.CKR_SESSION_COUNT, user, fmt.Sprintf("C_OpenSession on %v: CKR_SESSION_COUNT", token), ""},
		"no session, SO":     {"C_OpenSession", 1, pkcs11.CKR_SESSION_COUNT, officer, fmt.Sprintf("C_OpenSession on %v: CKR_SESSION_COUNT", token), ""},
		"finalisation fails": {"C_Finalize", 1, pkcs11.CKR_GENERAL_ERROR, user, fmt.Sprintf("C_Finalize of %s: CKR_GENERAL_ERROR", m.Path), ""},
		"token list, user":   {"C_GetSlotList", 2, pkcs11.CKR_HOST_MEMORY, user, fmt.Sprintf("C_Login as user on %v: CKR_HOST_MEMORY", token), ""},
	} {
		t.Run(name, func(t *testing.T) {
			failCall(t, m, c.function, c.n, c.code)
			expect(t, c.login(), failure{c.want, exitcode.HSM, c.hint})
			t.Setenv("SHIM_AT", "")
			if err := must[*User](t)(m.User(token, pin(userPIN))).Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSetUserPIN(t *testing.T) {
	m, token := world(t)
	so := must[*SecurityOfficer](t)(m.SecurityOfficer(token, pin(soPIN)))
	defer so.Close()
	expect(t, so.SetUserPIN(pin("x")), failure{fmt.Sprintf("C_InitPIN on %v: CKR_PIN_LEN_RANGE", token), exitcode.HSM, ""})
	expect(t, token.CheckPIN(pin("x")), failure{"a user PIN of 1 bytes: the token takes 4 to 255", exitcode.Usage, "choose another PIN"})
}
