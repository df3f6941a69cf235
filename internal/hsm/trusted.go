package hsm

import (
	"crypto/rsa"
	"slices"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/inventory"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/templates"
	"byok/internal/hsm/trust"
	"byok/internal/keywrap"
)

// AnchorPrefix begins the label of an anchor.
const AnchorPrefix = "byok-anchor-"

// Names of the trusted keys in messages and in [Session.LeftOut].
const (
	nameKM       = "KM"
	nameKW       = "KW"
	nameKEK      = "the KEK"
	nameTransfer = "the transfer key"
	nameAnchor   = "the anchor"
)

// TrustKM puts KM's public half on the token as a trusted wrapping key, as SO,
// and reads its attributes, modulus and exponent back by handle. Where the
// session is [Guarding.Untrusted], the user does, and it is not trusted.
func (s *Session) TrustKM(label string, km *rsa.PublicKey, form keywrap.Form) (Object, error) {
	if s.Rights {
		return s.device().WrapKey(nameKM, label, km)
	}
	return s.trustRSA(nameKM, label, km, templates.TrustedRSA(TokenObject), trust.Outer(form))
}

// SessionKM is [Session.TrustKM] for this session alone.
func (s *Session) SessionKM(km *rsa.PublicKey, form keywrap.Form) (Object, error) {
	if s.Rights {
		return s.device().SessionKey(nameKM, km)
	}
	return s.trustRSA(nameKM, sessionLabel, km, templates.TrustedRSA(SessionObject), trust.Outer(form))
}

// TrustKEK makes the vault's KEK a trusted wrapping key for this session
// alone, as SO, and reads its attributes, modulus and exponent back by handle.
func (s *Session) TrustKEK(kek *rsa.PublicKey, form keywrap.Form) (Object, error) {
	return s.trustRSA(nameKEK, sessionLabel, kek, templates.TrustedRSA(SessionObject), trust.Outer(form))
}

// sessionLabel is the label of session objects. Nothing is found by it.
const sessionLabel = "byok-session"

// SetAnchor puts the anchor of a statement on the token, as SO: a trusted
// public key, KM's, that wraps nothing. label begins with [AnchorPrefix]. Other
// anchors are destroyed before: two would leave a choice.
func (s *Session) SetAnchor(label string, km *rsa.PublicKey) error {
	if !strings.HasPrefix(label, AnchorPrefix) {
		return exitcode.Errorf(exitcode.Failed, "anchor %q: its label does not begin with %s", label, AnchorPrefix)
	}
	if !s.unanchored {
		if err := s.DropAnchors(); err != nil {
			return err
		}
	}
	s.unanchored, s.listed = false, nil
	_, err := s.trustRSA(nameAnchor, label, km, templates.Anchor(), p11.NoMechanism)
	return err
}

// Anchors lists the labels of the anchors. An untrusted object with such a
// label is none: anyone with the user PIN can make it.
func (s *Session) Anchors() ([]string, error) {
	found, err := s.anchors()
	if err != nil {
		return nil, err
	}
	labels := make([]string, len(found))
	for i, a := range found {
		labels[i] = a.Label
	}
	return labels, nil
}

func (s *Session) anchors() ([]Item, error) {
	objects, err := inventory.FindTrusted(s.raw, pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY))
	if err != nil {
		return nil, err
	}
	items, err := inventory.Items(s.raw, objects)
	return slices.DeleteFunc(items, isNoAnchor), err
}

func isNoAnchor(i Item) bool {
	return i.Class != PublicKey || !strings.HasPrefix(i.Label, AnchorPrefix)
}

// DropAnchors destroys the anchors, in any role: they are public objects. Do so
// before a statement is signed: a session that is cut short then leaves no
// anchor that knows less than was signed.
func (s *Session) DropAnchors() error {
	found := s.listed
	if found == nil {
		var err error
		if found, err = s.anchors(); err != nil {
			return err
		}
	}
	s.listed = nil
	for _, a := range found {
		if err := s.raw.Destroy("the anchor "+a.Label, a.Object); err != nil {
			return err
		}
	}
	s.unanchored = true
	return nil
}

// FindAnchor returns the anchor with the label, for [Session.ProbeTrusted].
func (s *Session) FindAnchor(label string) (Object, error) { return s.trusted(PublicKey, label) }

// MakeKW makes KW, as SO, for a module that wraps in two steps: an AES-256 key
// that is generated as a session object, wrapped under km, and frozen by a
// copy to the token. Its value is never in this computer's memory. wrapped is
// RSA-OAEP (SHA-1) of it: the first part of every backup.
func (s *Session) MakeKW(label string, km Object) (kwObject Object, wrapped []byte, err error) {
	w, err := s.KeyWrap()
	if err != nil {
		return 0, nil, err
	}
	original, err := s.trustAES(nameKW, templates.TrustedAES(), w)
	if err != nil {
		return 0, nil, err
	}
	defer s.Discard(original)
	if wrapped, err = s.wrapOAEP(km, original, "KW under KM"); err != nil {
		return 0, nil, err
	}
	frozen := trust.Wanted{Name: nameKW, Label: label, Template: templates.FrozenKW()}
	if kwObject, err = trust.Frozen(s.raw, original, frozen, "C_CopyObject of KW to "+label); err != nil {
		return 0, nil, err
	}
	kwObject, err = s.raw.Checked(kwObject, s.raw.Shows(kwObject, nameKW, templates.KW()))
	return kwObject, wrapped, err
}

// TransferKey makes a fresh AES-256 key, as SO, that lives as long as this
// session. It is for one key and one KEK: destroy it before the next pair.
func (s *Session) TransferKey() (Object, error) {
	w, err := s.KeyWrap()
	if err != nil {
		return 0, err
	}
	return s.trustAES(nameTransfer, templates.TransferKey(), w)
}

// TrustRoute is how TRUSTED came to the keys that were made in this process:
// "at creation" or "afterwards"; "" if none was.
func (s *Session) TrustRoute() string { return string(s.m.tokenFacts(s.Token).trust) }

func (s *Session) trust() trust.Maker {
	return trust.Maker{Session: s.raw, Route: &s.m.tokenFacts(s.Token).trust, Plain: s.Untrusted}
}

func (s *Session) trustAES(name string, t p11.Template, w KeyWrap) (Object, error) {
	return s.trust().AES(trust.Wanted{Name: name, Label: sessionLabel, Template: t, Mechanism: uint(w)})
}

func (s *Session) trustRSA(name, label string, key *rsa.PublicKey, t p11.Template, m uint) (Object, error) {
	return s.trust().RSA(trust.Wanted{Name: name, Label: label, Template: t, Mechanism: m}, key)
}

// FindKM returns KM's public half by its label. It must be trusted, unless the
// session is [Guarding.Untrusted], and the only one, and its modulus and
// exponent must be km's.
func (s *Session) FindKM(label string, km *rsa.PublicKey) (Object, error) {
	if s.Rights {
		return s.device().Find(nameKM, label, km)
	}
	o, err := s.trusted(PublicKey, label)
	if err != nil {
		return 0, err
	}
	material, err := s.raw.Attributes(o, pkcs11.CKA_MODULUS, pkcs11.CKA_PUBLIC_EXPONENT)
	if err != nil {
		return 0, err
	}
	if err := trust.Same(s.raw, label, km, material); err != nil {
		return 0, err
	}
	return o, nil
}

// FindKW returns KW by its label. It must be trusted and the only one.
func (s *Session) FindKW(label string) (Object, error) { return s.trusted(SecretKey, label) }

func (s *Session) trusted(class Class, label string) (Object, error) {
	find := inventory.FindTrusted
	if s.Untrusted {
		find = inventory.FindOnToken
	}
	found, err := find(s.raw,
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, uint(class)), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
	if err != nil {
		return 0, err
	}
	return s.one(label, found)
}
