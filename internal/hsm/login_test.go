package hsm

import (
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
)

const (
	lowWords    = "; the token counts wrong PINs and will lock it after a few more"
	finalWords  = "; one try is left before the token locks it"
	lockedWords = "; the token has locked this PIN"
)

// TestPINStates: what the token reports of wrong PINs is said with each, and
// can be read before one is tried.
func TestPINStates(t *testing.T) {
	r := faultyToken(t)
	ok(t, r.s.Logout())
	for _, c := range []struct {
		name, flags string
		so, user    PINState
		soWords     string
		userWords   string
	}{
		{"SoftHSM's own", "", PINLow, PINLow, lowWords, lowWords},
		{"last try of both", "0x220000", PINFinal, PINFinal, finalWords, finalWords},
		{"both locked", "0x440000", PINLocked, PINLocked, lockedWords, lockedWords},
		{"last try of the SO", "0x200000", PINFinal, PINLow, finalWords, lowWords},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SHIM_FLAGS", c.flags)
			for _, wrong := range []struct {
				role  Role
				state PINState
				words string
			}{{RoleSO, c.so, c.soWords}, {RoleUser, c.user, c.userWords}} {
				err := r.s.Login(wrong.role, pin("a wrong PIN"))
				expect(t, err, failure{
					fmt.Sprintf("wrong %v PIN for %v (CKR_PIN_INCORRECT)%s", wrong.role, r.token, wrong.words), exitcode.HSM, "",
				})
				if !IsWrongPIN(err) || IsLocked(err) {
					t.Errorf("not a wrong PIN: %v", err)
				}
				now := must[Token](t)(r.m.Token(r.token.Serial))
				if got := now.PINState(wrong.role); got != wrong.state {
					t.Errorf("%v: %q", wrong.role, got)
				}
			}
		})
	}
	if state := (Token{}).PINState(RoleUser); state != PINFresh || state.suffix() != "" {
		t.Errorf("a fresh PIN is %q", state)
	}
	r.asUser(t) // and the right one still opens it
}

func TestLoginFails(t *testing.T) {
	r := faultyToken(t)
	ok(t, r.s.Logout())
	for _, c := range []struct {
		name string
		role Role
		code uint
		want string
		hint string
	}{
		{"user PIN locked", RoleUser, pkcs11.CKR_PIN_LOCKED, "the user PIN of %v is locked (CKR_PIN_LOCKED)", ""},
		{"SO PIN locked", RoleSO, pkcs11.CKR_PIN_LOCKED, "the SO PIN of %v is locked (CKR_PIN_LOCKED)", ""},
		{"device lost, user", RoleUser, pkcs11.CKR_DEVICE_REMOVED, "C_Login as user on %v: CKR_DEVICE_REMOVED", ""},
		{"device lost, SO", RoleSO, pkcs11.CKR_DEVICE_REMOVED, "C_Login as SO on %v: CKR_DEVICE_REMOVED", ""},
		{
			"no SO", RoleSO, pkcs11.CKR_USER_TYPE_INVALID,
			"%v has no SO role (CKR_USER_TYPE_INVALID), which the cards would guard",
			"byok-offline module check --module-path " + r.m.Path + " --with-test-keys " + r.token.Serial,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.failCall(t, "C_Login", 1, c.code)
			err := r.s.Login(c.role, pin(soPIN))
			expect(t, err, failure{fmt.Sprintf(c.want, r.token), exitcode.HSM, c.hint})
			if IsLocked(err) != (c.code == pkcs11.CKR_PIN_LOCKED) || r.s.Role() != RoleNone {
				t.Errorf("locked %t, role %v", IsLocked(err), r.s.Role())
			}
		})
	}
}

func TestRoles(t *testing.T) {
	r := faultyToken(t)
	if r.s.Role() != RoleSO {
		t.Errorf("role %v", r.s.Role())
	}
	r.failCall(t, "C_Logout", 1, pkcs11.CKR_DEVICE_ERROR)
	expect(t, r.s.Logout(), failure{fmt.Sprintf("C_Logout as SO on %v: CKR_DEVICE_ERROR", r.token), exitcode.HSM, ""})
	ok(t, r.s.Logout())
	ok(t, r.s.Logout())
	if r.s.Role() != RoleNone || RoleNone.String() != "none" {
		t.Errorf("role %v", r.s.Role())
	}
	r.failCall(t, "C_OpenSession", 1, pkcs11.CKR_SESSION_COUNT)
	_, err := r.m.Open(r.token)
	expect(t, err, failure{fmt.Sprintf("C_OpenSession on %v: CKR_SESSION_COUNT", r.token), exitcode.HSM, ""})
	r.failCall(t, "C_GetSlotList", 1, pkcs11.CKR_DEVICE_ERROR)
	_, err = r.m.Open(r.token)
	expect(t, err, failure{"C_GetSlotList of " + r.m.Path + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
	r.s.Close()
	r.s.Close()
	var none *Session
	none.Close()
}

func TestPINs(t *testing.T) {
	r := faultyToken(t)
	expect(t, r.s.InitPIN(pin("x")),
		failure{fmt.Sprintf("C_InitPIN on %v: CKR_PIN_LEN_RANGE", r.token), exitcode.HSM, ""})
	expect(t, r.s.ChangePIN(pin("wrong"), pin("another")),
		failure{fmt.Sprintf("C_SetPIN of the SO on %v: CKR_PIN_INCORRECT", r.token), exitcode.HSM, ""})
	ok(t, r.s.ChangePIN(pin(soPIN), pin("another SO PIN")))
	ok(t, r.s.Logout())
	ok(t, r.s.Login(RoleSO, pin("another SO PIN")))
	for _, c := range []struct {
		name  string
		token Token
		pin   string
		want  string
	}{
		{"too short", r.token, "x", "a user PIN of 1 bytes: the token takes 4 to 255"},
		{"long enough", r.token, "four", ""},
		{"the token does not say", Token{}, "x", ""},
		{"the token says nonsense", Token{minPIN: 8, maxPIN: 4}, "x", ""},
	} {
		err := c.token.CheckPIN(pin(c.pin))
		if c.want == "" {
			ok(t, err)
			continue
		}
		expect(t, err, failure{c.want, exitcode.Usage, "choose another PIN"})
	}
}

func TestUnsupported(t *testing.T) {
	r := faultyToken(t)
	r.failCall(t, "C_SetPIN", 1, pkcs11.CKR_FUNCTION_NOT_SUPPORTED)
	if err := r.s.ChangePIN(pin(soPIN), pin("another")); !IsUnsupported(err) || Gone(err) || Refused(err) {
		t.Errorf("%v is not recognised", err)
	}
	r.failCall(t, "C_SetPIN", 1, pkcs11.CKR_DEVICE_REMOVED)
	if err := r.s.ChangePIN(pin(soPIN), pin("another")); IsUnsupported(err) || !Gone(err) {
		t.Errorf("%v is not recognised", err)
	}
	r.failCall(t, "C_SetPIN", 1, pkcs11.CKR_USER_NOT_LOGGED_IN)
	if err := r.s.ChangePIN(pin(soPIN), pin("another")); !Refused(err) {
		t.Errorf("%v is not recognised", err)
	}
}

// TestUnreadableBlob: what a module says of a blob that was not wrapped for it.
func TestUnreadableBlob(t *testing.T) {
	r := world(t)
	k, backup := r.backedUp(t, kind(t, "AES-128"))
	backup[len(backup)-1] ^= 1
	_, err := r.s.Restore(k.Kind, nil, r.seal(t, backup), backup[r.km.Size():])
	if !IsUnreadableBlob(err) || IsUnreadableBlob(p11.Fail("C_UnwrapKey", pkcs11.Error(pkcs11.CKR_DEVICE_REMOVED))) {
		t.Errorf("%v", err)
	}
}
