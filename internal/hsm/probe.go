package hsm

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/probe"
	"byok/internal/hsm/templates"
	"byok/internal/keykind"
	"byok/internal/keywrap"
)

// ProbeLabel is the label of what the probes make. Objects with it protect
// nothing.
const ProbeLabel = probe.Label

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

// trustedKinds has each kind's name, class and template.
var trustedKinds = map[TrustedKind]struct {
	name     string
	class    Class
	template func() p11.Template
}{
	KM:          {nameKM, PublicKey, func() p11.Template { return templates.TrustedRSA(TokenObject) }},
	KW:          {nameKW, SecretKey, templates.KW},
	Anchor:      {nameAnchor, PublicKey, templates.Anchor},
	KEK:         {nameKEK, PublicKey, func() p11.Template { return templates.TrustedRSA(SessionObject) }},
	TransferKey: {nameTransfer, SecretKey, templates.TransferKey},
}

// Prober returns the prober of this login, for what is not tried in a ceremony.
func (s *Session) Prober() *probe.Prober {
	if s.probes == nil {
		s.probes = probe.New(s.raw, s.Token.Slot, &s.m.tokenFacts(s.Token).Facts)
		s.probes.Sparse = s.Untrusted
	}
	return s.probes
}

// Target is a trusted key of the kind, as a probe takes it.
func (k TrustedKind) Target(o Object) probe.Target {
	t := trustedKinds[k]
	return probe.Target{Object: o, Name: t.name, Class: t.class, Template: t.template()}
}

// ProbeTrusted tries, as user, to undo every restriction of a trusted key by
// setting it and by copies to the token and to the session, and to use the key
// for what it must not do.
func (s *Session) ProbeTrusted(o Object, kind TrustedKind) error {
	return s.probeTrusted(o, kind, func(k probe.Target) error { return s.Prober().Closed(k, s.Prober().Frozen) })
}

// ProbeTrustedInPlace is ProbeTrusted without copies.
func (s *Session) ProbeTrustedInPlace(o Object, kind TrustedKind) error {
	return s.probeTrusted(o, kind, func(k probe.Target) error { return s.Prober().Closed(k, s.Prober().FrozenInPlace) })
}

// ProbeTrustedAgain is ProbeTrusted for a key whose module was proved: that
// setting an attribute and reading a value are refused does not change from one
// session to the next, but which object it is does.
func (s *Session) ProbeTrustedAgain(o Object, kind TrustedKind) error {
	return s.probeTrusted(o, kind, s.Prober().FrozenInCopies)
}

func (s *Session) probeTrusted(o Object, kind TrustedKind, frozen func(probe.Target) error) error {
	target := kind.Target(o)
	if err := frozen(target); err != nil {
		return err
	}
	switch {
	case target.Class == SecretKey:
		if err := s.Prober().WrapsOnly(target); err != nil {
			return err
		}
		return s.Prober().Derives(target)
	case kind == Anchor:
		return s.Prober().WrapsNothing(target)
	case kind == KM && s.m.LeaksInOneCall():
		return s.Prober().RefusesOneCall(target)
	}
	return nil
}

// ID returns the CKA_ID of an object.
func (s *Session) ID(o Object) ([]byte, error) {
	values, err := s.raw.Attributes(o, pkcs11.CKA_ID)
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

// ProbeAnchors is [Session.ProbeTrusted] for every anchor on the token: an
// interrupted session leaves two.
func (s *Session) ProbeAnchors() error {
	anchors, err := s.anchors()
	if err != nil {
		return err
	}
	for _, a := range anchors {
		if err := s.ProbeTrusted(a.Object, Anchor); err != nil {
			return err
		}
	}
	return nil
}

// ProbeOAEP proves that the token, when it wraps in the given form, uses SHA-1
// in RSA-OAEP and RFC 5649: the vault would refuse the blob without a reason.
// Some modules use another hash than they are asked for.
func (s *Session) ProbeOAEP(form keywrap.Form) error {
	if form == keywrap.OneCall {
		return s.Prober().OneCall()
	}
	return s.Prober().TwoSteps()
}

// ZeroPads reports whether the token fills a private key's PKCS#8 up to eight
// bytes with zeros before it wraps, so that up to seven zero bytes stand behind
// the key inside the blob: SoftHSM 2.6.1 does. Whether a vault takes that is
// not documented. It is found once a token, as user, with a worthless key.
func (s *Session) ZeroPads() (bool, error) {
	if s.Rights { // the device wraps by itself, as package twologins has seen
		return false, nil
	}
	form, err := s.m.Form(s.Token)
	if err != nil {
		return false, err
	}
	return s.Prober().ZeroPads(form == keywrap.OneCall)
}

// ProbeKey tries, as user, to reveal a key: [Session.ProbeOneWay],
// [Session.ProbeWrapWithTrusted], and to derive a key that reveals it. Of a key
// that any key may wrap it tries the first alone.
func (s *Session) ProbeKey(k Key) error {
	if s.Rights {
		return s.device().Unreadable(k.Label, k.Kind, k.object)
	}
	if err := s.ProbeOneWay(k); err != nil || s.Unrestricted {
		return err
	}
	if err := s.ProbeWrapWithTrusted(k); err != nil {
		return err
	}
	return s.ProbeDerive(k)
}

// ProbeDerive tries to derive a key that reveals k, and that the user can read or wrap.
func (s *Session) ProbeDerive(k Key) error { return s.Prober().Derives(k.target(nil)) }

// ProbeOneWay tries to read a key, and to lift SENSITIVE or WRAP_WITH_TRUSTED.
func (s *Session) ProbeOneWay(k Key) error {
	place := SessionObject
	onToken, err := s.raw.Flag(k.object, pkcs11.CKA_TOKEN)
	if err != nil {
		return err
	}
	if onToken {
		place = TokenObject
	}
	return s.probeKept(k.target(s.kept(templates.KeptKey(place))), k)
}

// ProbeWrapWithTrusted tries to wrap a key under keys that are not trusted,
// with every wrapping mechanism of a table that the token lists.
func (s *Session) ProbeWrapWithTrusted(k Key) error {
	return s.Prober().WrapWithTrusted(k.target(nil))
}

// ProbeCopy does to a transfer copy what [Session.ProbeKey] does, except to
// derive, which the key that it was made of has shown, and tries to use and to
// widen it.
func (s *Session) ProbeCopy(k Key) error {
	target := k.target(templates.ReducedShows(k.secret()))
	target.Name = nameCopy
	if err := s.probeKept(target, k); err != nil {
		return err
	}
	if err := s.Prober().WrapWithTrusted(target); err != nil {
		return err
	}
	return s.Prober().Useless(target, k.Kind, k.original)
}

// ProbeWrapWithTrustedAgain tries a key on a module that was proved: to wrap it
// under an untrusted key by the mechanisms of backups and packages. Of a transfer
// copy nothing rests on what else it has lost: only this process reaches it, and
// its original may do more.
func (s *Session) ProbeWrapWithTrustedAgain(k Key) error {
	if s.Unrestricted {
		return nil
	}
	target := k.target(nil)
	if k.original != 0 {
		target.Name = nameCopy
	}
	return s.Prober().WrapWithTrustedAgain(target)
}

func (k Key) target(t p11.Template) probe.Target {
	return probe.Target{Object: k.object, Name: k.Label, Class: k.class(), Template: t}
}

func (s *Session) probeKept(target probe.Target, k Key) error {
	if err := s.Prober().Frozen(target); err != nil {
		return err
	}
	secretPart := uint(pkcs11.CKA_VALUE)
	if k.Kind.Type == keykind.RSA {
		secretPart = pkcs11.CKA_PRIVATE_EXPONENT
	}
	return s.Prober().Unreadable(target, secretPart)
}
