package hsm

import (
	"fmt"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
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

// Session is one read-write session with a token. Roles come and go in it.
// Session objects live from their creation to Close, across roles, and are
// gone as well when the process dies; a handle of a private object does not
// outlive the login in which it was got.
type Session struct {
	Token Token

	m       *Module
	p       *pkcs11.Ctx
	h       pkcs11.SessionHandle
	role    Role
	leftOut []string
	probes  *probes // set up by the first probe
}

// Open opens a session with the token t, without a login. The token is found
// again by its serial number: its slot may be another since t was read.
func (m *Module) Open(t Token) (*Session, error) {
	t, err := m.Token(t.ID())
	if err != nil {
		return nil, err
	}
	h, err := m.p.OpenSession(t.Slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return nil, fail(fmt.Sprintf("C_OpenSession on %v", t), err)
	}
	return &Session{Token: t, m: m, p: m.p, h: h}, nil
}

// Login logs in as role with its PIN. The error for a wrong PIN says how many
// tries the token reports to be left; it never holds the PIN.
func (s *Session) Login(role Role, pin *secret.Bytes) error {
	kind := uint(pkcs11.CKU_USER)
	if role == RoleSO {
		kind = pkcs11.CKU_SO
	}
	if err := s.p.Login(s.h, kind, pin.Text()); err != nil {
		return s.m.loginError(s.Token, role, err)
	}
	s.role = role
	return nil
}

// Logout ends the role, not the session. Without a role it does nothing.
func (s *Session) Logout() error {
	if s.role == RoleNone {
		return nil
	}
	if err := s.p.Logout(s.h); err != nil {
		return fail(fmt.Sprintf("C_Logout as %v on %v", s.role, s.Token), err)
	}
	s.role, s.probes = RoleNone, nil
	return nil
}

// Role returns who is logged in.
func (s *Session) Role() Role { return s.role }

// Close ends the session, and with it every session object. Closing twice, or
// closing nil, is harmless.
func (s *Session) Close() {
	if s == nil || s.p == nil {
		return
	}
	_ = s.Logout()
	_ = s.p.CloseSession(s.h)
	s.p = nil
}

// LeftOut lists the attributes that this module did not take for trusted keys
// and copies, such as "COPYABLE of a transfer copy", sorted.
func (s *Session) LeftOut() []string { return slices.Sorted(slices.Values(s.leftOut)) }

// InitPIN sets the user PIN, as SO.
func (s *Session) InitPIN(pin *secret.Bytes) error {
	if err := s.p.InitPIN(s.h, pin.Text()); err != nil {
		return fail(fmt.Sprintf("C_InitPIN on %v", s.Token), err)
	}
	return nil
}

// ChangePIN changes the PIN of the role that is logged in from old to next.
func (s *Session) ChangePIN(old, next *secret.Bytes) error {
	if err := s.p.SetPIN(s.h, old.Text(), next.Text()); err != nil {
		return fail(fmt.Sprintf("C_SetPIN of the %v on %v", s.role, s.Token), err)
	}
	return nil
}

// loginError distinguishes a wrong PIN from other refusals, and says what the
// token reports about the tries left.
func (m *Module) loginError(t Token, role Role, err error) error {
	if now, err := m.Token(t.ID()); err == nil {
		t = now // with the present flags
	}
	switch {
	case is(err, pkcs11.CKR_PIN_INCORRECT), is(err, pkcs11.CKR_PIN_LEN_RANGE), is(err, pkcs11.CKR_PIN_INVALID):
		return exitcode.Errorf(exitcode.HSM, "wrong %v PIN for %v (%w)%s", role, t, named(err), t.PINState(role).suffix())
	case is(err, pkcs11.CKR_USER_TYPE_INVALID) && role == RoleSO: // NSS softoken, once there is a user PIN
		return exitcode.Errorf(exitcode.HSM, "%v has no SO role (%w), which the cards would guard", t, named(err)).
			Hint("byok-offline module check --module-path %s --with-test-keys %s", term.Quote(m.Path), term.Quote(t.ID()))
	case is(err, pkcs11.CKR_PIN_LOCKED):
		return exitcode.Errorf(exitcode.HSM, "the %v PIN of %v is locked (%w)", role, t, named(err))
	}
	return fail(fmt.Sprintf("C_Login as %v on %v", role, t), err)
}
