package survey

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"

	"byok/internal/hsm"
	"byok/internal/keywrap"
	"byok/internal/secret"
)

// Label is the label of the throw-away token that ThrowAway makes, and begins
// the labels of all test keys.
const Label = "byok-module-check"

// Labels of the test keys.
const (
	testKM     = Label + "-km"
	testKW     = Label + "-kw"
	testKey    = Label + "-key"
	testAnchor = hsm.AnchorPrefix + "module-check"
)

// survey tries what a ceremony needs, in the order in which a ceremony does.
type survey struct {
	m          *hsm.Module
	token      hsm.Token
	soPIN, pin *secret.Bytes // without an SO PIN the SO's part is left out
	s          *hsm.Session
	form       keywrap.Form
	properties []Property
	lost       error // the module stopped answering: what it enforces is not known

	km, kek *rsa.PrivateKey
	trusted trusted
}

// ThrowAway runs the operations of a ceremony on a throw-away token. It takes a
// free token, or the one that an earlier ThrowAway has left; the token stays,
// labelled Label, with nothing on it. An error means that there is no such
// token, that the module stopped answering, or that test keys could not be
// removed.
func ThrowAway(m *hsm.Module) ([]Property, error) {
	token, err := throwAway(m)
	if err != nil {
		return nil, err
	}
	pin := secret.Take([]byte(Label)) // guards nothing
	defer pin.Wipe()
	s := &survey{m: m, token: token, soPIN: pin, pin: pin, properties: untried()}
	s.note(PropMechanisms, "all that a ceremony needs are offered", m.CheckMechanisms(token))
	if !s.initialise() {
		return s.properties, s.lost
	}
	if err := s.run(); err != nil {
		return nil, err
	}
	// The wrong tries come last, and not where nothing depends on them: a
	// module may lock more than the throw-away token. A TPM does.
	if guards[0].reach(s.properties, Processes{}).Outcome != NotReached && !s.token.PINPad() {
		s.lockout()
	}
	return s.properties, s.lost
}

// OnToken tries the same with test keys on the initialised token t, except
// what would change the token itself, and removes the keys again. soPIN may be
// nil: the SO's part is then left out. A wrong PIN is an error.
func OnToken(m *hsm.Module, t hsm.Token, pin, soPIN *secret.Bytes) ([]Property, error) {
	s := &survey{m: m, token: t, soPIN: soPIN, pin: pin, properties: untried()}
	s.note(PropMechanisms, "all that a ceremony needs are offered", m.CheckMechanisms(t))
	if err := s.run(); err != nil {
		return nil, err
	}
	return s.properties, nil
}

// Rights notes in properties what came of the proof that of two logins of the token t
// the operator's exports nothing: nil if that was shown.
func Rights(properties []Property, t hsm.Token, proof error) {
	s := &survey{token: t, properties: properties}
	const good = "the operator's login exports nothing, the quorum's wraps and restores; the factory's is refused"
	s.note(PropRights, good, proof)
}

func throwAway(m *hsm.Module) (hsm.Token, error) {
	left, err := m.Labelled(Label)
	if err != nil {
		return hsm.Token{}, err
	}
	if len(left) == 1 {
		return left[0], nil
	}
	return m.Free()
}

// initialise makes the token as world creation does, and reports whether it
// can be used.
func (s *survey) initialise() bool {
	good := "the token was initialised and its user PIN set"
	fresh, err := s.m.Initialise(s.token, s.soPIN, Label)
	if err != nil && s.token.Label == Label { // tpm2-pkcs11 initialises no token twice
		fresh, err, good = s.token, nil, "the token was initialised by an earlier check, and its user PIN set"
	}
	if err == nil {
		s.token = fresh
		err = s.setUserPIN()
	}
	s.note(PropInitToken, good, err)
	return err == nil
}

func (s *survey) setUserPIN() error {
	session, err := s.m.Open(s.token)
	if err != nil {
		return err
	}
	defer session.Close()
	if err := session.Login(hsm.RoleSO, s.soPIN); err != nil {
		return err
	}
	return session.InitPIN(s.pin)
}

// run tries both PINs and removes the test keys of an interrupted check, then
// lets the SO make trusted keys and the user try everything with them.
func (s *survey) run() (err error) {
	if s.form, err = s.m.Form(s.token); err != nil {
		return err
	}
	if s.s, err = s.m.Open(s.token); err != nil {
		return err
	}
	defer func() { s.s.Close() }()
	if err := s.as(hsm.RoleUser, s.pin, s.clear); err != nil {
		return err
	}
	if err := s.keys(); err != nil {
		return err
	}
	if s.soPIN != nil {
		if err := s.asSO(); err != nil {
			return err
		}
	}
	if err := s.as(hsm.RoleUser, s.pin, s.asUser); err != nil {
		return err
	}
	return s.afterwards()
}

func (s *survey) asUser() error {
	s.restrictions()
	s.wrapping()
	s.underLogin()
	s.others()
	return cmp.Or(s.lost, s.clear())
}

func (s *survey) as(role hsm.Role, pin *secret.Bytes, work func() error) error {
	if err := s.s.Login(role, pin); err != nil {
		return err
	}
	return errors.Join(work(), s.s.Logout())
}

// clear removes every test key.
func (s *survey) clear() error {
	var errs error
	for _, label := range []string{testKM, testKW, testKey, testAnchor} {
		if _, err := s.s.DestroyLabelled(label); err != nil {
			errs = errors.Join(errs, fmt.Errorf("test key %s is left on %v: %w", label, s.token, err))
		}
	}
	return errs
}

// keys generates KM and the KEK in software.
func (s *survey) keys() (err error) {
	if s.km, err = generateRSA(3072); err != nil {
		return err
	}
	s.kek, err = generateRSA(2048)
	return err
}

// generateRSA is a variable so that tests need not wait for new keys.
var generateRSA = func(bits int) (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, bits) }

// note records how a property turned out: good is the detail if it is enforced.
func (s *survey) note(name, good string, err error) {
	p := &s.properties[index(s.properties, name)]
	switch {
	case hsm.Gone(err):
		s.lost = cmp.Or(s.lost, err)
	case err == nil:
		p.Outcome, p.Detail = Enforced, good
	case errors.Is(err, hsm.ErrNotEnforced):
		p.Outcome, p.Detail = NotEnforced, s.reason(err)
	case errors.Is(err, hsm.ErrNotAnswered):
		p.Outcome, p.Detail = NotAnswered, s.reason(err)
	default:
		p.Outcome, p.Detail = Refused, s.reason(err)
	}
}

// reason is an error without the token's name, which heads the table, and
// without what the outcome says already.
func (s *survey) reason(err error) string {
	text := strings.TrimPrefix(err.Error(), s.token.String()+" ")
	for _, said := range []error{hsm.ErrNotEnforced, hsm.ErrNotAnswered} {
		text = strings.TrimPrefix(text, said.Error())
	}
	return strings.TrimPrefix(strings.TrimPrefix(text, ": "), " ")
}
