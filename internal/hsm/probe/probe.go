// Package probe tries, in a user's session, to undo what a token promises to
// restrict. A restriction is enforced if every attempt is refused with a return
// value that means refusal, and the control, the same call without the
// restriction, succeeds.
//
// Everything that the probes make is worthless, is labelled [Label], and is
// destroyed again. No key of a person is ever wrapped under a trusted key here. Use
// it through package hsm, which knows the keys of a security world.
package probe

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"sync"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/derivation"
	"byok/internal/hsm/p11"
)

// ErrNotEnforced is wrapped by the errors of the probes when the token let a
// restriction be undone: it promises what it does not keep. Test with
// errors.Is.
var ErrNotEnforced = errors.New("does not enforce its restrictions")

// ErrNotAnswered is wrapped by the errors of the probes when an attempt failed
// with a return value that does not mean refusal, or when its control fails as well:
// then nothing is known. Test with errors.Is.
var ErrNotAnswered = errors.New("did not answer")

// Facts is what is found out once a token, since it does not change while its
// library is loaded. The zero value knows nothing yet.
type Facts struct {
	keyWrap KeyWrap
	padding *bool                  // see [Prober.ZeroPads]
	listed  map[uint]bool          // mechanisms
	swept   bool                   // what an interrupted probe has left is gone
	reveal  []derivation.Mechanism // see [Prober.revealing]; nil: not looked for yet
}

// attackerKey returns the RSA key that an attacker would wrap under: untrusted,
// with its private half in this process. It is made once a process.
var attackerKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// Prober tries things in one session while a login lasts. Its controls are
// made once.
type Prober struct {
	// Sparse accepts that the module does not offer the call of an attempt, with
	// or without the restriction: by that call nothing is undone.
	Sparse bool

	s        *p11.Session
	slot     uint
	facts    *Facts
	objects  map[string]p11.Object // without restrictions, for controls
	controls map[string]error      // what has come of each
	derived  map[string]*derivationControl
	tripper  func() []*pkcs11.Mechanism // see [Prober.roundTrip]; nil: AES key wrap with padding, or not known
}

// New returns a prober for a session with the token in slot.
func New(s *p11.Session, slot uint, facts *Facts) *Prober {
	return &Prober{s: s, slot: slot, facts: facts, objects: map[string]p11.Object{}, controls: map[string]error{}}
}

// attempt is an attempt to do what a restriction forbids.
type attempt struct {
	gain    string       // what would be gained, as a sentence
	err     error        // what the call returned, nil if it succeeded
	name    string       // of the control, which is made once
	control func() error // the same call without the restriction
	also    []uint       // return values that mean refusal in this call alone
}

// refused returns nil if the attempt was refused and its control works.
func (p *Prober) refused(a attempt) error {
	if a.err == nil {
		return p.notEnforced(a.gain)
	}
	if p.Sparse && notOffered(a.err) && notOffered(a.control()) {
		return nil
	}
	if !p11.Refusal(a.err) && !p11.Is(a.err, a.also...) {
		return p.notAnswered(a.gain, p11.Named(a.err))
	}
	outcome, tried := p.controls[a.name]
	if !tried {
		outcome = a.control()
		p.controls[a.name] = outcome
	}
	if outcome != nil {
		return p.notAnswered(a.gain,
			fmt.Errorf("%v, but without the restriction it fails as well: %w", p11.Named(a.err), p11.Named(outcome)))
	}
	return nil
}

func notOffered(err error) bool {
	return p11.Is(err, pkcs11.CKR_FUNCTION_NOT_SUPPORTED, pkcs11.CKR_MECHANISM_INVALID)
}

func (p *Prober) notEnforced(gain string) error {
	return exitcode.Errorf(exitcode.HSM, "%v %w: %s", p.s.Token, ErrNotEnforced, gain).
		Hint("use another module: byok-offline module check says what this one lacks")
}

func (p *Prober) notAnswered(gain string, answer error) error {
	err := exitcode.Errorf(exitcode.HSM, "%v %w whether %s: %w", p.s.Token, ErrNotAnswered, gain, answer)
	if p11.Is(answer, pkcs11.CKR_DEVICE_MEMORY) {
		return err.Hint(p11.MoreRoom)
	}
	return err
}

// several sums up attempts to do the same by several calls: one at least must be
// refused with a working control, and none may succeed. A call that the module
// does not offer undoes nothing. An attempt that is lost with the device ends
// all.
type several struct {
	answered bool
	last     error // of what was not answered: the first that says more than that nothing is offered
}

// add takes the outcome of one attempt, and returns it if it ends all.
func (a *several) add(err error) error {
	switch {
	case err == nil:
		a.answered = true
	case !errors.Is(err, ErrNotAnswered) || p11.Gone(err):
		return err
	case a.last == nil || notOffered(a.last) || errors.Is(a.last, errNoWrapping):
		a.last = err
	}
	return nil
}

func (a *several) outcome() error {
	if a.answered {
		return nil
	}
	return a.last
}

// listed returns the mechanisms that the token lists.
func (p *Prober) listed() (map[uint]bool, error) {
	if p.facts.listed != nil {
		return p.facts.listed, nil
	}
	list, err := p.s.Ctx.GetMechanismList(p.slot)
	if err != nil {
		return nil, p11.Fail(fmt.Sprintf("C_GetMechanismList of slot %d", p.slot), err)
	}
	p.facts.listed = map[uint]bool{}
	for _, mechanism := range list {
		p.facts.listed[mechanism.Mechanism] = true
	}
	return p.facts.listed, nil
}

// object returns an object without restrictions, made on first use. The first
// use of any, once a token, removes what an interrupted probe has left there.
func (p *Prober) object(name string, create func() (p11.Object, error)) (p11.Object, error) {
	if err := p.sweep(); err != nil {
		return 0, err
	}
	if o, ok := p.objects[name]; ok {
		return o, nil
	}
	o, err := create()
	if err == nil {
		p.objects[name] = o
	}
	return o, err
}

func (p *Prober) sweep() error {
	if p.facts.swept {
		return nil
	}
	_, err := p.s.DestroyAll(Label,
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, Label))
	p.facts.swept = err == nil
	return err
}

// plain returns an object of a class that is modifiable and not trusted.
func (p *Prober) plain(class p11.Class) (p11.Object, error) {
	return p.object(class.String(), func() (p11.Object, error) {
		switch class {
		case p11.PublicKey:
			return p.attackerRSA()
		case p11.SecretKey:
			return p.worthlessAES()
		}
		return p.worthlessPair()
	})
}
