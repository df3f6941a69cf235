package pins

import (
	"errors"
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/shim"
	"byok/internal/secret"
	"byok/internal/statement"
	"byok/internal/testkit/softhsm"
)

// refused compares an error with its text, status and hint.
func refused(t *testing.T, err error, code exitcode.Code, text, hint string) {
	t.Helper()
	if err == nil || err.Error() != text || exitcode.Of(err) != code || exitcode.HintOf(err) != hint {
		t.Errorf("%v (status %d), hint %s\nwant %s (status %d), hint %s", err, exitcode.Of(err), exitcode.HintOf(err), text,
			code, hint)
	}
}

// token is SoftHSM's behind the shim, with both PINs set.
func token(t *testing.T) (*hsm.Module, hsm.Token) {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	m, err := hsm.Load(shim.Build(t))
	ok(t, err)
	t.Cleanup(m.Close)
	free, err := m.Free()
	ok(t, err)
	made, err := m.Initialise(free, secret.Take([]byte("so-pin")), "byok")
	ok(t, err)
	s, err := m.Open(made)
	ok(t, err)
	defer s.Close()
	ok(t, s.Login(hsm.RoleSO, secret.Take([]byte("so-pin"))))
	ok(t, s.InitPIN(secret.Take([]byte("old-pin"))))
	made, err = m.Again(made)
	ok(t, err)
	return m, made
}

// TestChange: the user PIN changes, also one that has expired, where a login is
// refused until it does.
func TestChange(t *testing.T) {
	m, tok := token(t)
	pin := func(text string) *secret.Bytes { return secret.Take([]byte(text)) }
	ok(t, Change(m, tok, pin("old-pin"), pin("next-pin")))
	t.Setenv("SHIM_DO", "fail=0xA3")
	t.Setenv("SHIM_AT", "C_Login")
	ok(t, Change(m, tok, pin("next-pin"), pin("third-pin")))
	t.Setenv("SHIM_DO", "fail=0x5")
	t.Setenv("SHIM_AT", "C_OpenSession")
	refused(t, Change(m, tok, pin("third-pin"), pin("fourth")), exitcode.HSM,
		fmt.Sprintf("C_OpenSession on %v: CKR_GENERAL_ERROR", tok), "")
	t.Setenv("SHIM_AT", "")
	refused(t, Change(m, tok, pin("old-pin"), pin("fourth")), exitcode.HSM,
		fmt.Sprintf("wrong user PIN for %v (CKR_PIN_INCORRECT); the token counts wrong PINs and will lock it after a few more",
			tok), "")
	refused(t, Change(m, tok, pin("third-pin"), pin("x")), exitcode.HSM,
		fmt.Sprintf("C_SetPIN of the user on %v: CKR_PIN_LEN_RANGE", tok), "")
	ok(t, Change(m, tok, pin("third-pin"), pin("fourth")))
}

// TestCheckPad: cards hold no PIN that a person must type on the device.
func TestCheckPad(t *testing.T) {
	m, plain := token(t)
	t.Setenv("SHIM_PIN_PAD", "1")
	padded, err := m.Again(plain)
	ok(t, err)
	for guard, refuses := range map[statement.Guard]bool{
		statement.GuardTrust: true, statement.GuardTrustShared: true, statement.GuardLogin: true,
		statement.GuardLoginShared: true, statement.GuardTrustByTool: false,
	} {
		ok(t, CheckPad(plain, guard))
		err := CheckPad(padded, guard)
		if !refuses {
			ok(t, err)
			continue
		}
		refused(t, err, exitcode.Refused, fmt.Sprintf("the PINs of the token in slot %d are typed on the device, and guard %s "+
			"has the cards hold one", padded.Slot, guard),
			"set the HSM up for PINs that a program gives, without its PIN pad or PED")
	}
}

// TestChanged: a PIN that was changed behind the cards is said to be, with what
// cures it.
func TestChanged(t *testing.T) {
	tok := hsm.Token{Label: "byok", Serial: "01"}
	wrong := p11.Fail("C_Login", pkcs11.Error(pkcs11.CKR_PIN_INCORRECT))
	other := errors.New("broken")
	for _, c := range []struct {
		held  Held
		guard statement.Guard
		hint  string
	}{
		{SO, statement.GuardTrust, "byok-offline world recover puts the world on a token whose SO PIN the cards set"},
		{User, statement.GuardLogin, "byok-offline world reset-pin --card DIR … sets it again"},
		{User, statement.GuardLoginShared, "set it back with the vendor's tool"},
	} {
		refused(t, c.held.Changed(tok, c.guard.Traits(), wrong), exitcode.HSM,
			fmt.Sprintf(`the %v PIN of token "byok" (serial 01) is not the one from the cards, and somebody else may know it: `+
				"C_Login: CKR_PIN_INCORRECT", c.held.Role), c.hint+"; keep kmdata for the auditor")
		if err := c.held.Changed(tok, c.guard.Traits(), other); err != other {
			t.Errorf("%v", err)
		}
		ok(t, c.held.Changed(tok, c.guard.Traits(), nil))
	}
}
