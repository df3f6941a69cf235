package hsm

import (
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// ErrNotEnforced is wrapped by the errors of the Probe methods when the token
// let a restriction be undone: it promises what it does not keep. Test with
// errors.Is.
var ErrNotEnforced = errors.New("does not enforce its restrictions")

// ErrNotAnswered is wrapped by the errors of the Probe methods when an attempt
// failed with a return value that is no refusal, or when the same call fails
// without the restriction as well: then nothing is known. Test with errors.Is.
var ErrNotAnswered = errors.New("did not answer")

// refusals are the return values by which a module may say that it refuses
// what a restriction forbids. Anything else is no answer: a call that a
// module does not offer, or a device that is gone, has refused nothing.
var refusals = []uint{
	pkcs11.CKR_ATTRIBUTE_READ_ONLY,
	pkcs11.CKR_ATTRIBUTE_SENSITIVE,
	pkcs11.CKR_ATTRIBUTE_VALUE_INVALID,
	ckrActionProhibited,
	pkcs11.CKR_KEY_HANDLE_INVALID, // BouncyHsm
	pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED,
	pkcs11.CKR_KEY_NOT_WRAPPABLE,
	pkcs11.CKR_KEY_UNEXTRACTABLE,
	pkcs11.CKR_TEMPLATE_INCONSISTENT,
	pkcs11.CKR_USER_NOT_LOGGED_IN,
	pkcs11.CKR_WRAPPING_KEY_HANDLE_INVALID, // Kryoptic
	pkcs11.CKR_WRAPPING_KEY_SIZE_RANGE,
	pkcs11.CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
	pkcs11.CKR_FUNCTION_REJECTED,
}

// gone are the return values that say nothing but that a call got nowhere.
var gone = []uint{
	pkcs11.CKR_HOST_MEMORY, pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_MEMORY, pkcs11.CKR_DEVICE_REMOVED,
	pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_SESSION_CLOSED, pkcs11.CKR_SESSION_HANDLE_INVALID,
	pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED,
}

// Gone reports whether err is a return value by which a module says that the
// device or the session is lost.
func Gone(err error) bool { return oneOf(err, gone) }

// probes is what the probes of one session share.
type probes struct {
	plain    map[string]Object // objects without a restriction, for controls
	controls map[string]error  // what has come of each control
}

// shared returns the probes of the session, which first removes what an
// interrupted probe has left on the token.
func (s *Session) shared() (*probes, error) {
	if s.probes != nil {
		return s.probes, nil
	}
	_, err := s.DestroyLabelled(ProbeLabel)
	if err != nil {
		return nil, err
	}
	s.probes = &probes{plain: map[string]Object{}, controls: map[string]error{}}
	return s.probes, nil
}

// attempt is an attempt to do what a restriction forbids.
type attempt struct {
	gain    string       // what would be gained, as a sentence
	err     error        // what the call returned, nil if it succeeded
	name    string       // of the control, which is made once a session
	control func() error // the same call without the restriction
}

// refused returns nil if the attempt was refused, and the control works.
func (s *Session) refused(a attempt) error {
	if a.err == nil {
		return s.notEnforced(a.gain)
	}
	if !oneOf(a.err, refusals) {
		return s.notAnswered(a.gain, named(a.err))
	}
	shared, err := s.shared()
	if err != nil {
		return err
	}
	outcome, tried := shared.controls[a.name]
	if !tried {
		outcome = a.control()
		shared.controls[a.name] = outcome
	}
	if outcome != nil {
		return s.notAnswered(a.gain, fmt.Errorf("%v, but without the restriction it fails as well: %w", named(a.err), named(outcome)))
	}
	return nil
}

func (s *Session) notEnforced(gain string) error {
	return exitcode.Errorf(exitcode.HSM, "%v %w: %s", s.Token, ErrNotEnforced, gain).
		Hint("use another module: byok-offline module check says what this one lacks")
}

func (s *Session) notAnswered(gain string, answer error) error {
	return exitcode.Errorf(exitcode.HSM, "%v %w whether %s: %w", s.Token, ErrNotAnswered, gain, answer)
}

// plain returns an object without restrictions, made on first use.
func (s *Session) plain(name string, make func() (Object, error)) (Object, error) {
	shared, err := s.shared()
	if err != nil {
		return 0, err
	}
	if o, ok := shared.plain[name]; ok {
		return o, nil
	}
	o, err := make()
	if err == nil {
		shared.plain[name] = o
	}
	return o, err
}

// plainOf returns an object of a class that is modifiable and not trusted.
func (s *Session) plainOf(class Class) (Object, error) {
	return s.plain(class.String(), func() (Object, error) {
		switch class {
		case PublicKey:
			_, o, err := s.attackerRSA()
			return o, err
		case SecretKey:
			return s.worthlessAES()
		}
		return s.worthlessPair()
	})
}
