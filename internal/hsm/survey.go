package hsm

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// CheckLabel is the label of the throw-away token that Survey makes, and
// begins the labels of all test keys.
const CheckLabel = "byok-module-check"

// Labels of the test keys.
const (
	testKM       = CheckLabel + "-km"
	testTransfer = CheckLabel + "-transfer"
	testKEK      = CheckLabel + "-kek"
	testKey      = CheckLabel + "-key"
	testCopy     = CheckLabel + "-copy"
)

// survey tries what a ceremony needs, in the order in which a ceremony does.
type survey struct {
	m          *Module
	token      Token
	soPIN, pin *secret.Bytes // without an SO PIN the SO's part is left out
	kek        *rsa.PrivateKey
	trusted    bool // the SO has made the trusted test keys
	properties []Property
	lost       error // the module stopped answering: what it enforces is not known
}

// Survey runs the real sequence of a ceremony on a throw-away token and says
// how each property turned out. It takes a free token, or the one that an
// earlier Survey has left; the token stays, labelled CheckLabel, with nothing
// on it. An error means that there is no such token, that the module stopped
// answering, or that test keys could not be removed.
func (m *Module) Survey() ([]Property, error) {
	token, err := m.throwAway()
	if err != nil {
		return nil, err
	}
	pin := secret.Take([]byte(CheckLabel)) // guards nothing
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
	if verdict, _ := Judge(s.properties); verdict != Unusable {
		s.lockout()
	}
	return s.properties, s.lost
}

// SurveyToken tries the same with test keys on the initialised token t, but
// for what would change the token itself, and removes the keys again. soPIN
// may be nil: the SO's part is then left out. A wrong PIN is an error.
func (m *Module) SurveyToken(t Token, pin, soPIN *secret.Bytes) ([]Property, error) {
	s := &survey{m: m, token: t, soPIN: soPIN, pin: pin, properties: untried()}
	s.note(PropMechanisms, "all that a ceremony needs are offered", m.CheckMechanisms(t))
	if err := s.run(); err != nil {
		return nil, err
	}
	return s.properties, nil
}

func (m *Module) throwAway() (Token, error) {
	left, err := m.Labelled(CheckLabel)
	switch {
	case err != nil:
		return Token{}, err
	case len(left) == 1:
		return left[0], nil
	}
	return m.Free()
}

// initialise makes the token as world creation does, and tells whether it can
// be used.
func (s *survey) initialise() bool {
	good := "the token was initialised and its user PIN set"
	fresh, err := s.m.Initialise(s.token, s.soPIN, CheckLabel)
	if err != nil && s.token.Label == CheckLabel { // tpm2-pkcs11 initialises no token twice
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
	so, err := s.m.SecurityOfficer(s.token, s.soPIN)
	if err != nil {
		return err
	}
	defer so.Close()
	return so.SetUserPIN(s.pin)
}

// run tries both PINs and removes the test keys of an interrupted check, then
// lets the SO make trusted keys and the user try everything with them.
func (s *survey) run() error {
	if err := s.asUser((*survey).clear); err != nil {
		return err
	}
	if s.soPIN != nil {
		if err := s.asOfficer(); err != nil {
			return err
		}
	}
	return s.asUser(func(s *survey, u *User) error {
		s.restrictions(u)
		s.wrapping(u)
		return cmp.Or(s.lost, s.clear(u))
	})
}

func (s *survey) asUser(work func(*survey, *User) error) error {
	u, err := s.m.User(s.token, s.pin)
	if err != nil {
		return err
	}
	return errors.Join(work(s, u), u.Close())
}

// clear removes every test key.
func (s *survey) clear(u *User) error {
	var errs error
	for _, label := range []string{testKM, testTransfer, testKEK, testKey, testCopy} {
		if _, err := u.DestroyLabelled(label); err != nil {
			errs = errors.Join(errs, fmt.Errorf("test key %s is left on %v: %w", label, s.token, err))
		}
	}
	return errs
}

// asOfficer makes the three kinds of trusted keys.
func (s *survey) asOfficer() error {
	so, err := s.m.SecurityOfficer(s.token, s.soPIN)
	switch {
	case is(err, pkcs11.CKR_PIN_INCORRECT), is(err, pkcs11.CKR_PIN_LEN_RANGE), is(err, pkcs11.CKR_PIN_INVALID), is(err, pkcs11.CKR_PIN_LOCKED):
		return err
	case err == nil:
		defer so.Close()
		err = s.trust(so)
	}
	s.trusted = err == nil
	s.note(PropTrustedBySO, "module key, transfer key and KEK made as trusted keys", err)
	return nil
}

func (s *survey) trust(so *SecurityOfficer) (err error) {
	if s.kek, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return err
	}
	value := secret.Take(random(32))
	defer value.Wipe()
	return errors.Join(so.CreateModuleKey(testKM, value), so.GenerateTransferKey(testTransfer), so.TrustKEK(testKEK, &s.kek.PublicKey))
}

// restrictions tries, as the operator, what must be refused.
func (s *survey) restrictions(u *User) {
	s.note(PropTrustedOnly, "a user cannot make a trusted key", u.probeTrustRefused())
	if s.trusted {
		s.note(PropFrozen, "cannot be read, changed, copied wider, or used but to wrap",
			worst(u.ProbeModuleKey(testKM), u.ProbeTransferKey(testTransfer), u.ProbeKEK(testKEK)))
	}
	s.note(PropWrapTrusted, "wrapped under no key that nobody trusted", u.eachTestKey(func(k Key) error {
		return worst(u.refusesAESWrap(k.object, k.Label), u.refusesRSAWrap(k.object, k.Label))
	}))
	s.note(PropOneWay, "cannot be read or made weaker", u.eachTestKey(func(k Key) error {
		return worst(u.refusesReading(k.object, k.Label, pkcs11.CKA_VALUE), u.holds(k.object, k.Label, keptKeyTemplate()))
	}))
	s.note(PropCopy, "cannot be used, widened or copied", u.eachTestKey(func(k Key) error {
		clone, err := u.Reduce(k, testCopy)
		if err != nil {
			return err
		}
		return u.ProbeCopy(clone)
	}))
}

// worst is the first error that tells of a broken promise, or else the first.
func worst(errs ...error) error {
	for _, err := range errs {
		if errors.Is(err, ErrNotEnforced) {
			return err
		}
	}
	return cmp.Or(errs...)
}

// probeTrustRefused is ProbeTrust where the user can make keys at all: else
// the refusal would say nothing.
func (u *User) probeTrustRefused() error {
	plain, err := u.probeKey(pkcs11.CKK_AES, random(32))
	if err != nil {
		return err
	}
	u.drop(plain)
	return u.ProbeTrust()
}

// eachTestKey probes a fresh key of each kind: a probe that succeeds against a
// module leaves the key weaker.
func (u *User) eachTestKey(probe func(Key) error) error {
	return worst(u.withTestKey(KeySpec{Type: "EC", Curve: "P-256"}, probe), u.withTestKey(KeySpec{Type: "AES", Bits: 256}, probe))
}

func (u *User) withTestKey(spec KeySpec, probe func(Key) error) error {
	if err := u.GenerateKey(testKey, spec); err != nil {
		return err
	}
	key, err := u.FindKey(testKey)
	if err == nil {
		err = probe(key)
	}
	_, copyErr := u.DestroyLabelled(testCopy)
	_, keyErr := u.DestroyLabelled(testKey)
	return cmp.Or(err, copyErr, keyErr)
}

// wrapping tries the mechanisms of a transfer.
func (s *survey) wrapping(u *User) {
	wrap, err := u.KeyWrap()
	s.note(PropKeyWrap, wrap.String(), err)
	s.note(PropOAEP, "opened in software", u.ProbeOAEP())
	if s.trusted {
		s.note(PropForVault, "as in a package; opened in software", u.eachTestKey(func(k Key) error { return s.transfer(u, k) }))
	}
	var twoSteps error
	if !u.wrapsInOneCall() {
		twoSteps = errors.New("not offered: the two-step form is used, which gives the same blob")
	}
	s.note(PropOneCall, "offered, and used", twoSteps)
}

// transfer wraps a reduced copy for the test KEK, whose private half is ours.
func (s *survey) transfer(u *User, key Key) error {
	reduced, err := u.Reduce(key, testCopy)
	if err != nil {
		return err
	}
	blob, err := u.ForVault(testKEK, testTransfer, reduced)
	if err != nil {
		return err
	}
	aes, err := rsa.DecryptOAEP(sha1.New(), nil, s.kek, blob[:min(len(blob), s.kek.Size())], nil)
	defer clear(aes)
	if err != nil || len(aes) != 32 {
		return exitcode.Errorf(exitcode.HSM, "%v did not wrap an AES-256 key with RSA-OAEP and SHA-1 in front", s.token)
	}
	return nil
}

// lockout gives wrong SO PINs until the token warns that it will lock, three at
// most, and then the right one, which starts the count anew.
func (s *survey) lockout() {
	wrong := secret.Take([]byte("not-the-right-one"))
	defer wrong.Wipe()
	tries, locks := 0, false
	for ; tries < 3 && !locks; tries++ {
		so, err := s.m.SecurityOfficer(s.token, wrong)
		if err == nil {
			so.Close()
			s.note(PropTrustedBySO, "", notEnforced(s.token, "a wrong SO PIN was taken"))
			return
		}
		now, tokenErr := s.m.Token(s.token.Serial)
		locks = is(err, pkcs11.CKR_PIN_LOCKED) || tokenErr == nil && now.flags&(pkcs11.CKF_SO_PIN_FINAL_TRY|pkcs11.CKF_SO_PIN_LOCKED) != 0
	}
	err := s.setUserPIN()
	switch {
	case locks, is(err, pkcs11.CKR_PIN_LOCKED):
		err = nil
	case err == nil:
		err = errors.New("three wrong SO PINs did not lock it: the SO PIN's 160 bits guard it alone")
	}
	s.note(PropLockout, fmt.Sprintf("after %d wrong tries the token says so", tries), err)
}
