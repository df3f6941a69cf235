package pins

import (
	"errors"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/statement"
)

// TestTakeLone: the PIN becomes the cards' where no SO could set another one, once;
// a token that is not empty keeps its own.
func TestTakeLone(t *testing.T) {
	m, tok := token(t)
	t.Setenv("SHIM_PROFILE", "nss")
	found, err := m.Labelled(tok.Label) // the profile has a serial number of its own
	ok(t, err)
	tok = found[0]
	old, next := secret.Take([]byte("old-pin")), secret.Take([]byte("next-pin"))
	full := errors.New("it is not empty")
	logins := func(more error) func(pin *secret.Bytes) error {
		return func(pin *secret.Bytes) error {
			s, err := m.Open(tok)
			ok(t, err)
			defer s.Close()
			if err := s.Login(hsm.RoleUser, pin); err != nil {
				return err
			}
			return more
		}
	}
	for _, c := range []struct {
		name string
		more error
		want error
	}{
		{"it is not empty", full, full},
		{"first", nil, nil},
		{"of an interrupted run", nil, nil},
		{"of an interrupted run, and not empty", full, full},
	} {
		got, err := TakeLone(m, tok, old, next, logins(c.more))
		if err != c.want || got != (statement.Finding{Name: Lone, Outcome: "held"}) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
	_, err = TakeLone(m, tok, old, secret.Take([]byte("another")), logins(nil))
	refused(t, err, exitcode.HSM, "wrong user PIN for "+tok.String()+" (CKR_PIN_INCORRECT)"+
		"; the token counts wrong PINs and will lock it after a few more", "")
	t.Setenv("SHIM_AT", "C_SetPIN")
	t.Setenv("SHIM_DO", "fail=0x5")
	_, err = TakeLone(m, tok, next, old, logins(nil))
	refused(t, err, exitcode.HSM, "C_SetPIN of the user on "+tok.String()+": CKR_GENERAL_ERROR", "")
	t.Setenv("SHIM_AT", "C_OpenSession")
	_, err = TakeLone(m, tok, next, old, logins(nil))
	refused(t, err, exitcode.HSM, "C_OpenSession on "+tok.String()+": CKR_GENERAL_ERROR", "")
}

// TestTakeLoneWithSO: an SO would set another PIN.
func TestTakeLoneWithSO(t *testing.T) {
	m, tok := token(t)
	never := func(*secret.Bytes) error { t.Error("it was looked at"); return nil }
	old, next := secret.Take([]byte("old-pin")), secret.Take([]byte("next-pin"))
	_, err := TakeLone(m, tok, old, next, never)
	refused(t, err, exitcode.HSM, tok.String()+" may have an SO role, which resets the user PIN: C_Login as SO on "+
		tok.String()+": CKR_ARGUMENTS_BAD", "")
	t.Setenv("SHIM_AT", "C_Login+")
	t.Setenv("SHIM_DO", "fail=0x0")
	_, err = TakeLone(m, tok, old, next, never)
	refused(t, err, exitcode.HSM, tok.String()+" lets anybody in as SO, who resets the user PIN", "")
}
