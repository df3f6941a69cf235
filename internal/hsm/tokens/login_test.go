package tokens

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/testkit/softhsm"
)

const (
	lowWords    = "; the token counts wrong PINs and will lock it after a few more"
	finalWords  = "; one try is left before the token locks it"
	lockedWords = "; the token has locked this PIN"
)

const (
	reset        = "byok-offline world reset-pin --card DIR … sets it again, where the cards hold the SO PIN"
	recovered    = "byok-offline world recover puts the world on another token, or on this one when the vendor's tool has reset it"
	otherProgram = "end the other program that is logged in to the token, then run the same command again"
	again        = "connect the HSM again, then run the same command again"
)

// login tries a PIN as a session does.
func (r *rig) login(role Role, text string) error { return r.Login(r.h, r.token, role, pin(text)) }

// TestPINPad: no PIN is given to a token that has people type it.
func TestPINPad(t *testing.T) {
	r := newRig(t)
	ok(t, r.p.Logout(r.h))
	t.Setenv("SHIM_PIN_PAD", "1")
	t.Setenv("SHIM_PAD_SO", softhsm.SOPIN)
	t.Setenv("SHIM_PAD_USER", softhsm.UserPIN)
	now := must[Token](t)(r.Token(r.token.Serial))
	if !now.PINPad() || r.token.PINPad() {
		t.Errorf("%+v, before %+v", now, r.token)
	}
	ok(t, r.Login(r.h, now, RoleSO, nil))
	ok(t, r.InitPIN(r.h, now, nil))
	ok(t, r.p.Logout(r.h))
	ok(t, r.Login(r.h, now, RoleUser, nil))
	ok(t, r.SetPIN(r.h, now, RoleUser, nil, nil))
	ok(t, r.p.CloseSession(r.h))
	must[Token](t)(r.Initialise(now, nil, "again"))
}

// TestPINsRefused: each call says what it was and on which token.
func TestPINsRefused(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		function, want string
		try            func() error
	}{
		{"C_InitPIN", "C_InitPIN on %v: CKR_DEVICE_ERROR",
			func() error { return r.InitPIN(r.h, r.token, pin(softhsm.UserPIN)) }},
		{"C_SetPIN", "C_SetPIN of the SO on %v: CKR_DEVICE_ERROR",
			func() error { return r.SetPIN(r.h, r.token, RoleSO, pin(softhsm.SOPIN), pin("next")) }},
	} {
		r.fails(t, c.function, 1, pkcs11.CKR_DEVICE_ERROR)
		expect(t, c.try(), failure{fmt.Sprintf(c.want, r.token), exitcode.HSM, ""})
	}
	ok(t, r.InitPIN(r.h, r.token, pin(softhsm.UserPIN)))
	ok(t, r.SetPIN(r.h, r.token, RoleSO, pin(softhsm.SOPIN), pin(softhsm.SOPIN)))
}

// TestUnalteredPINs: what people type is what the token gets.
func TestUnalteredPINs(t *testing.T) {
	r := newRig(t)
	for _, text := range []string{"crypto_user:pass:word", "0001password", " blanks ", "päss\twörd"} {
		ok(t, r.InitPIN(r.h, r.token, pin(text)))
		ok(t, r.p.Logout(r.h))
		ok(t, r.Login(r.h, r.token, RoleUser, pin(text)))
		ok(t, r.p.Logout(r.h))
		ok(t, r.Login(r.h, r.token, RoleSO, pin(softhsm.SOPIN)))
	}
}

// TestPINStates: what the token reports of wrong PINs is said with each, and
// can be read before one is tried.
func TestPINStates(t *testing.T) {
	r := newRig(t)
	ok(t, r.p.Logout(r.h))
	for _, c := range []struct {
		name, flags string
		so, user    PINState
		soWords     string
		userWords   string
		hints       [2]string
	}{
		{"SoftHSM's own", "", PINLow, PINLow, lowWords, lowWords, [2]string{}},
		{"last try of both", "0x220000", PINFinal, PINFinal, finalWords, finalWords, [2]string{}},
		{"both locked", "0x440000", PINLocked, PINLocked, lockedWords, lockedWords, [2]string{recovered, reset}},
		{"to be changed", "0x880000", PINLow, PINLow, lowWords, lowWords, [2]string{}}, // a wrong try is the newer news
		{"last try of the SO", "0x200000", PINFinal, PINLow, finalWords, lowWords, [2]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SHIM_FLAGS", c.flags)
			for i, wrong := range []struct {
				role  Role
				state PINState
				words string
			}{{RoleSO, c.so, c.soWords}, {RoleUser, c.user, c.userWords}} {
				err := r.login(wrong.role, "a wrong PIN")
				expect(t, err, failure{
					fmt.Sprintf("wrong %v PIN for %v (CKR_PIN_INCORRECT)%s", wrong.role, r.token, wrong.words), exitcode.HSM, c.hints[i],
				})
				if !IsWrongPIN(err) || IsLocked(err) {
					t.Errorf("not a wrong PIN: %v", err)
				}
				now := must[Token](t)(r.Token(r.token.Serial))
				if got := now.PINState(wrong.role); got != wrong.state {
					t.Errorf("%v: %q", wrong.role, got)
				}
			}
		})
	}
	if state := (Token{flags: pkcs11.CKF_USER_PIN_TO_BE_CHANGED}).PINState(RoleUser); state != PINStale || state.suffix() != "" {
		t.Errorf("a PIN to be changed is %q", state)
	}
	if state := (Token{}).PINState(RoleUser); state != PINFresh || state.suffix() != "" {
		t.Errorf("a fresh PIN is %q", state)
	}
}

func TestLoginError(t *testing.T) {
	r := newRig(t)
	ok(t, r.p.Logout(r.h))
	for _, c := range []struct {
		name string
		role Role
		code uint
		want string
		hint string
	}{
		{"user PIN locked", RoleUser, pkcs11.CKR_PIN_LOCKED, "the user PIN of %v is locked (CKR_PIN_LOCKED)", reset},
		{"SO PIN locked", RoleSO, pkcs11.CKR_PIN_LOCKED, "the SO PIN of %v is locked (CKR_PIN_LOCKED)", recovered},
		{"user PIN not set", RoleUser, pkcs11.CKR_USER_PIN_NOT_INITIALIZED,
			"C_Login as user on %v: CKR_USER_PIN_NOT_INITIALIZED", reset},
		{"user PIN expired", RoleUser, pkcs11.CKR_PIN_EXPIRED, "C_Login as user on %v: CKR_PIN_EXPIRED",
			"byok-offline world change-pin"},
		{"SO PIN expired", RoleSO, pkcs11.CKR_PIN_EXPIRED, "C_Login as SO on %v: CKR_PIN_EXPIRED", ""},
		{"another is logged in", RoleSO, pkcs11.CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
			"C_Login as SO on %v: CKR_USER_ANOTHER_ALREADY_LOGGED_IN", otherProgram},
		{"logged in already", RoleUser, pkcs11.CKR_USER_ALREADY_LOGGED_IN,
			"C_Login as user on %v: CKR_USER_ALREADY_LOGGED_IN", otherProgram},
		{"device lost, user", RoleUser, pkcs11.CKR_DEVICE_REMOVED, "C_Login as user on %v: CKR_DEVICE_REMOVED", again},
		{"device lost, SO", RoleSO, pkcs11.CKR_TOKEN_NOT_PRESENT, "C_Login as SO on %v: CKR_TOKEN_NOT_PRESENT", again},
		{"failed", RoleUser, pkcs11.CKR_FUNCTION_FAILED, "C_Login as user on %v: CKR_FUNCTION_FAILED", ""},
		{
			"no SO", RoleSO, pkcs11.CKR_USER_TYPE_INVALID,
			"%v has no SO role (CKR_USER_TYPE_INVALID), which the cards would guard",
			"byok-offline module check --module-path " + r.path + " --with-test-keys " + r.token.Serial,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.fails(t, "C_Login", 1, c.code)
			err := r.login(c.role, "a PIN")
			expect(t, err, failure{fmt.Sprintf(c.want, r.token), exitcode.HSM, c.hint})
			if IsLocked(err) != (c.code == pkcs11.CKR_PIN_LOCKED) || IsExpired(err) != (c.code == pkcs11.CKR_PIN_EXPIRED) {
				t.Errorf("locked %t, expired %t", IsLocked(err), IsExpired(err))
			}
			if unreached := c.code == pkcs11.CKR_FUNCTION_FAILED || strings.HasPrefix(c.name, "device lost"); p11.IsUnreached(err) != unreached {
				t.Errorf("a refused socket may be the cause: %t", !unreached)
			}
		})
	}
	if RoleNone.String() != "none" {
		t.Errorf("no role is %v", RoleNone)
	}
}

func TestCheckPIN(t *testing.T) {
	r := newRig(t)
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
