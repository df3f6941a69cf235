package hsm

import (
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// ErrNotFound is wrapped by the errors of Find and FindKey when the token has
// no such object. Test with errors.Is.
var ErrNotFound = errors.New("not on the token")

// Object is a handle of an object on the token, valid while its session is open.
type Object = pkcs11.ObjectHandle

// session is one read-write session with the token, in either role.
type session struct {
	Token Token
	m     *Module
	p     *pkcs11.Ctx
	h     pkcs11.SessionHandle
}

// open opens a session with the token of t's serial number, whose slot may be
// another since t was read: numbers change with every C_Initialize.
func (m *Module) open(t Token) (session, error) {
	t, err := m.Token(t.Serial)
	if err != nil {
		return session{}, err
	}
	h, err := m.p.OpenSession(t.Slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return session{}, fail(fmt.Sprintf("C_OpenSession on %v", t), err)
	}
	return session{Token: t, m: m, p: m.p, h: h}, nil
}

// loginError tells a wrong PIN from other refusals, and how many tries the
// token says are left. The PIN itself is in neither.
func (s *session) loginError(who string, err error, low, final, locked uint) error {
	t := s.Token
	if now, err := s.m.Token(t.Serial); err == nil {
		t = now // with the flags that tell of wrong PINs
	}
	switch {
	case is(err, pkcs11.CKR_PIN_INCORRECT), is(err, pkcs11.CKR_PIN_LEN_RANGE), is(err, pkcs11.CKR_PIN_INVALID):
		return exitcode.Errorf(exitcode.HSM, "wrong %s PIN for %v (%w)%s", who, t, named(err), t.triesLeft(low, final, locked))
	case is(err, pkcs11.CKR_USER_TYPE_INVALID) && who == "SO": // NSS softoken, once there is a user PIN
		return exitcode.Hint(exitcode.Errorf(exitcode.HSM, "%v has no SO role (%w), which is what the cards would guard", t, named(err)),
			"byok-offline module check --module-path %s --with-test-keys %s", s.m.Path, t.Serial)
	case is(err, pkcs11.CKR_PIN_LOCKED):
		return exitcode.Errorf(exitcode.HSM, "the %s PIN of %v is locked (%w)", who, t, named(err))
	}
	return fail(fmt.Sprintf("C_Login as %s on %v", who, t), err)
}

// find returns the objects that match every attribute given.
func (s *session) find(match ...*pkcs11.Attribute) ([]Object, error) {
	if err := s.p.FindObjectsInit(s.h, match); err != nil {
		return nil, fail("C_FindObjectsInit", err)
	}
	var all []Object
	for {
		some, _, err := s.p.FindObjects(s.h, 64)
		if err != nil {
			_ = s.p.FindObjectsFinal(s.h)
			return nil, fail("C_FindObjects", err)
		}
		if len(some) == 0 {
			return all, s.endFind()
		}
		all = append(all, some...)
	}
}

func (s *session) endFind() error {
	if err := s.p.FindObjectsFinal(s.h); err != nil {
		return fail("C_FindObjectsFinal", err)
	}
	return nil
}

// Find returns the one token object of the given class (CKO_…) and label.
// None is ErrNotFound; two are an error, for no rule says which to take.
func (s *session) Find(class uint, label string) (Object, error) {
	found, err := s.find(
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, exitcode.Mark(exitcode.HSM, fmt.Errorf("%s is %w %q (serial %s)", label, ErrNotFound, s.Token.Label, s.Token.Serial))
	case len(found) > 1:
		return 0, exitcode.Errorf(exitcode.HSM, "%d objects labelled %s on %v, one was expected", len(found), label, s.Token)
	}
	return found[0], nil
}

// Labels lists the label of every token object this role can see.
func (s *session) Labels() ([]string, error) {
	return s.labels(pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true))
}

// Trusted lists the label of every token object that is a trusted key.
func (s *session) Trusted() ([]string, error) {
	return s.labels(pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true))
}

func (s *session) labels(match ...*pkcs11.Attribute) ([]string, error) {
	objects, err := s.find(match...)
	labels := make([]string, 0, len(objects))
	for _, o := range objects {
		value, attrErr := s.bytes(o, pkcs11.CKA_LABEL)
		labels, err = append(labels, string(value)), errors.Join(err, attrErr)
	}
	return labels, err
}

// DestroyLabelled removes every token object with the label, and says how many.
func (s *session) DestroyLabelled(label string) (int, error) {
	objects, err := s.find(pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
	if err != nil {
		return 0, err
	}
	for i, o := range objects {
		if err := s.p.DestroyObject(s.h, o); err != nil {
			return i, fail("C_DestroyObject of "+label, err)
		}
	}
	return len(objects), nil
}

func (s *session) bytes(o Object, attribute uint) ([]byte, error) {
	list, err := s.p.GetAttributeValue(s.h, o, []*pkcs11.Attribute{pkcs11.NewAttribute(attribute, nil)})
	if err != nil {
		return nil, fail("C_GetAttributeValue", err)
	}
	return list[0].Value, nil
}

// flag reads a boolean attribute. An attribute that the object's type has not
// is false: what cannot be set cannot be used.
func (s *session) flag(o Object, attribute uint) (bool, error) {
	value, err := s.bytes(o, attribute)
	if is(err, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID) {
		return false, nil
	}
	return len(value) > 0 && value[0] != 0, err
}

// SecurityOfficer is a session logged in as SO: a quorum is present.
type SecurityOfficer struct{ session }

// SecurityOfficer logs in to t with the SO PIN.
func (m *Module) SecurityOfficer(t Token, soPIN *secret.Bytes) (*SecurityOfficer, error) {
	s, err := m.open(t)
	if err != nil {
		return nil, err
	}
	if err := m.p.Login(s.h, pkcs11.CKU_SO, soPIN.Text()); err != nil {
		defer m.p.CloseSession(s.h)
		return nil, s.loginError("SO", err, pkcs11.CKF_SO_PIN_COUNT_LOW, pkcs11.CKF_SO_PIN_FINAL_TRY, pkcs11.CKF_SO_PIN_LOCKED)
	}
	return &SecurityOfficer{s}, nil
}

// Close logs the SO out and closes the session.
func (so *SecurityOfficer) Close() {
	_ = so.p.Logout(so.h)
	_ = so.p.CloseSession(so.h)
}

// SetUserPIN runs C_InitPIN: the user PIN becomes pin.
func (so *SecurityOfficer) SetUserPIN(pin *secret.Bytes) error {
	if err := so.p.InitPIN(so.h, pin.Text()); err != nil {
		return fail(fmt.Sprintf("C_InitPIN on %v", so.Token), err)
	}
	return nil
}
