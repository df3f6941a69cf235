package tokens

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/secret"
	"byok/internal/term"
)

// Role is who a session is logged in as. The login belongs to the token and
// not to one session of it (PKCS#11 v2.40, section 5.6): SO and user cannot be
// logged in at once.
type Role int

// The roles. RoleSO means that a quorum is present.
const (
	RoleNone Role = iota
	RoleSO
	RoleUser
)

// String returns the role's name in messages: none, SO or user.
func (r Role) String() string { return [...]string{"none", "SO", "user"}[r] }

// user is the role's CK_USER_TYPE.
func (r Role) user() uint {
	if r == RoleSO {
		return pkcs11.CKU_SO
	}
	return pkcs11.CKU_USER
}

// Login is C_Login. Where the token has people type the PIN on the device
// ([Token.PINPad]) none is given to it, and pin may be nil.
func (s Slots) Login(h pkcs11.SessionHandle, t Token, role Role, pin *secret.Bytes) error {
	var err error
	if t.PINPad() {
		err = s.native.Login(h, role.user())
	} else {
		err = s.p.Login(h, role.user(), pin.Text())
	}
	if err != nil {
		return s.LoginError(t, role, err)
	}
	return nil
}

// InitPIN is C_InitPIN: the SO, who is logged in, sets the user PIN.
func (s Slots) InitPIN(h pkcs11.SessionHandle, t Token, pin *secret.Bytes) error {
	var err error
	if t.PINPad() {
		err = s.native.InitPIN(h)
	} else {
		err = s.p.InitPIN(h, pin.Text())
	}
	if err != nil {
		return p11.Fail(fmt.Sprintf("C_InitPIN on %v", t), err)
	}
	return nil
}

// SetPIN is C_SetPIN: the PIN of the role that is logged in changes.
func (s Slots) SetPIN(h pkcs11.SessionHandle, t Token, role Role, old, next *secret.Bytes) error {
	var err error
	if t.PINPad() {
		err = s.native.SetPIN(h)
	} else {
		err = s.p.SetPIN(h, old.Text(), next.Text())
	}
	if err != nil {
		return p11.Fail(fmt.Sprintf("C_SetPIN of the %v on %v", role, t), err)
	}
	return nil
}

// initToken is C_InitToken.
func (s Slots) initToken(t Token, soPIN *secret.Bytes, label string) error {
	if t.PINPad() {
		return s.native.InitToken(t.Slot, label)
	}
	return s.p.InitToken(t.Slot, soPIN.Text(), label)
}

// IsWrongPIN reports whether err is a login that was refused for its PIN. A
// locked PIN is not a wrong one.
func IsWrongPIN(err error) bool {
	return p11.Is(err, pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_LEN_RANGE, pkcs11.CKR_PIN_INVALID)
}

// IsLocked reports whether err is a login that was refused because the PIN is
// locked.
func IsLocked(err error) bool { return p11.Is(err, pkcs11.CKR_PIN_LOCKED) }

// IsExpired reports whether err is a login that was refused until the PIN is
// changed.
func IsExpired(err error) bool { return p11.Is(err, pkcs11.CKR_PIN_EXPIRED) }

// LoginError distinguishes a wrong PIN from other refusals, says what the token
// reports about the tries left, and what to do next.
func (s Slots) LoginError(t Token, role Role, err error) error {
	if now, err := s.Again(t); err == nil {
		t = now // with the present flags
	}
	said := s.loginError(t, role, err)
	for _, r := range remedies {
		if r.role == role && (p11.Is(err, r.codes...) || r.locked && IsWrongPIN(err) && t.PINState(role) == PINLocked) {
			return exitcode.Hint(said, "%s", r.hint)
		}
	}
	return said
}

// What to do about a login that was refused.
const (
	resetPIN  = "byok-offline world reset-pin --card DIR … sets it again, where the cards hold the SO PIN"
	loggedIn  = "end the other program that is logged in to the token, then run the same command again"
	reconnect = "connect the HSM again, then run the same command again"

	otherToken = "byok-offline world recover puts the world on another token, or on this one when the vendor's tool " +
		"has reset it"
)

// remedies are the hints for return values of C_Login.
var remedies = []struct {
	role   Role
	codes  []uint
	hint   string
	locked bool // by this very try as well
}{
	{RoleUser, []uint{pkcs11.CKR_PIN_LOCKED}, resetPIN, true},
	{RoleUser, []uint{pkcs11.CKR_USER_PIN_NOT_INITIALIZED}, resetPIN, false},
	{RoleUser, []uint{pkcs11.CKR_PIN_EXPIRED}, "byok-offline world change-pin", false},
	{RoleUser, otherLogins, loggedIn, false},
	{RoleUser, gone, reconnect, false},
	{RoleSO, []uint{pkcs11.CKR_PIN_LOCKED}, otherToken, true},
	{RoleSO, otherLogins, loggedIn, false},
	{RoleSO, gone, reconnect, false},
}

var (
	otherLogins = []uint{
		pkcs11.CKR_USER_ALREADY_LOGGED_IN, pkcs11.CKR_USER_ANOTHER_ALREADY_LOGGED_IN, pkcs11.CKR_USER_TOO_MANY_TYPES,
	}
	gone = []uint{pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_TOKEN_NOT_PRESENT}
)

func (s Slots) loginError(t Token, role Role, err error) error {
	switch {
	case IsWrongPIN(err):
		return exitcode.Errorf(exitcode.HSM, "wrong %v PIN for %v (%w)%s",
			role, t, p11.Named(err), t.PINState(role).suffix())
	case p11.Is(err, pkcs11.CKR_USER_TYPE_INVALID) && role == RoleSO: // NSS softoken, once there is a user PIN
		return exitcode.Errorf(exitcode.HSM, "%v has no SO role (%w), which the cards would guard", t, p11.Named(err)).
			Hint("byok-offline module check --module-path %s --with-test-keys %s",
				term.Quote(s.path), term.Quote(t.ID()))
	case p11.Is(err, pkcs11.CKR_PIN_LOCKED):
		return exitcode.Errorf(exitcode.HSM, "the %v PIN of %v is locked (%w)", role, t, p11.Named(err))
	}
	return p11.Contact(p11.Fail(fmt.Sprintf("C_Login as %v on %v", role, t), err))
}
