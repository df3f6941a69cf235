package hsm

import "errors"

// ErrNotEnforced is wrapped by the errors of the Probe methods when the token
// let a restriction be undone: it promises what it does not keep.
var ErrNotEnforced = errors.New("does not enforce its restrictions")

// ErrNotAnswered is wrapped by the errors of the Probe methods when an attempt
// failed for another reason than the restriction, or when the same call failed
// without it as well: nothing is known then.
var ErrNotAnswered = errors.New("did not answer")

// TrustedKind is a kind of trusted key.
type TrustedKind int

// The kinds of trusted key.
const (
	KM TrustedKind = iota
	KW
	Anchor
	KEK
	TransferKey
)

type probes struct{}

// ProbeTrusted tries, as user, to undo every restriction of a trusted key, and
// to copy it with other uses to the token and to the session.
func (s *Session) ProbeTrusted(o Object, kind TrustedKind) error { panic("TODO") }

// ProbeKey tries to reveal a key: to read it, to lift SENSITIVE or
// WRAP_WITH_TRUSTED, and to wrap it under keys that are not trusted, by every
// mechanism the token offers for wrapping.
func (s *Session) ProbeKey(k Key) error { panic("TODO") }

// ProbeCopy does the same to a transfer copy, and tries to use and to widen it.
func (s *Session) ProbeCopy(k Key) error { panic("TODO") }

// ProbeTrust tries, as user, to make a trusted wrapping key by every route.
func (s *Session) ProbeTrust() error { panic("TODO") }

// ProbeOAEP proves that the token uses SHA-1 in RSA-OAEP and RFC 5649 when it
// wraps in the given form: the vault would refuse the blob without a reason.
func (s *Session) ProbeOAEP(form Form) error { panic("TODO") }
