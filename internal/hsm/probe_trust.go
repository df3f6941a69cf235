package hsm

import (
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/keykind"
)

// route is a way to come by a trusted wrapping key.
type route struct {
	name string
	kind wrapper
	make func(s *Session, place Place, trusted bool) (Object, error)
}

// routes are all ways that PKCS#11 has. A module that leaves one of them open
// to the user leaves them all open.
var routes = []route{
	{"C_CreateObject", underAES, createAES},
	{"C_CreateObject", underRSA, createRSA},
	{"C_GenerateKey", underAES, generateTrustedAES},
	{"C_GenerateKeyPair", underRSA, generateTrustedRSA},
	{"C_UnwrapKey", underAES, unwrapTrustedAES},
	{"C_CopyObject", underAES, copiedFrom(SecretKey)},
	{"C_CopyObject", underRSA, copiedFrom(PublicKey)},
	{"C_SetAttributeValue", underAES, setOn(generateTrustedAES)},
	{"C_SetAttributeValue", underRSA, setOn(createRSA)},
}

// ProbeTrust tries, as user, to make a trusted wrapping key, AES and RSA, as a
// session object and on the token, by every route. A route that the module
// does not offer without trust either is no way; one for each kind of key, at
// least, must be refused where it works without trust.
func (s *Session) ProbeTrust() error {
	answered := map[wrapper]bool{}
	var unanswered error
	for _, r := range routes {
		for _, place := range []Place{SessionObject, TokenObject} {
			switch err := s.refusesTrust(r, place); {
			case err == nil:
				answered[r.kind] = true
			case !errors.Is(err, ErrNotAnswered) || Gone(err):
				return err
			default:
				unanswered = err
			}
		}
	}
	if answered[underAES] && answered[underRSA] {
		return nil
	}
	return unanswered
}

func (s *Session) refusesTrust(r route, place Place) error {
	o, err := r.make(s, place, true)
	if err == nil {
		defer s.Discard(o)
		if trusted, err := s.flag(o, pkcs11.CKA_TRUSTED); err != nil || !trusted {
			return err
		}
	}
	return s.refused(attempt{
		gain: fmt.Sprintf("the user can make %s trusted by %s, as a %v object", r.kind, r.name, place),
		err:  err,
		name: fmt.Sprintf("%s %s %v", r.name, r.kind, place),
		control: func() error {
			o, err := r.make(s, place, false)
			if err == nil {
				s.Discard(o)
			}
			return err
		},
	})
}

// wanted is the template of a wrapping key that is trusted, or is not.
func wanted(place Place, trusted bool) Template {
	const why = "what the user must not have"
	t := Template{
		{pkcs11.CKA_TOKEN, place == TokenObject, false, why},
		{pkcs11.CKA_PRIVATE, false, false, why},
		{pkcs11.CKA_WRAP, true, false, why},
	}
	if trusted {
		t = append(t, Attribute{pkcs11.CKA_TRUSTED, true, false, why})
	}
	return t
}

func (t Template) labelled(before ...*pkcs11.Attribute) []*pkcs11.Attribute {
	return t.raw(append(naming(ProbeLabel, newID()), before...)...)
}

func createAES(s *Session, place Place, trusted bool) (Object, error) {
	return s.p.CreateObject(s.h, wanted(place, trusted).labelled(append(
		classed(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES), pkcs11.NewAttribute(pkcs11.CKA_VALUE, random(32)))...))
}

func createRSA(s *Session, place Place, trusted bool) (Object, error) {
	key, err := s.m.attackerKey()
	if err != nil {
		return 0, err
	}
	return s.p.CreateObject(s.h, wanted(place, trusted).labelled(rsaMaterial(&key.PublicKey)...))
}

func generateTrustedAES(s *Session, place Place, trusted bool) (Object, error) {
	return s.p.GenerateKey(s.h, mechanism(pkcs11.CKM_AES_KEY_GEN),
		wanted(place, trusted).labelled(pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32)))
}

func generateTrustedRSA(s *Session, place Place, trusted bool) (Object, error) {
	kind, err := keykind.Lookup(keykind.RSA, 2048, "")
	if err != nil {
		return 0, err
	}
	private := Template{
		{pkcs11.CKA_TOKEN, false, false, "only the public half is wanted"},
		{pkcs11.CKA_PRIVATE, true, false, "only the public half is wanted"},
	}
	o, half, err := s.p.GenerateKeyPair(s.h, mechanism(kind.Generation),
		wanted(place, trusted).labelled(Spec{Kind: kind}.parameters()...), private.labelled())
	if err == nil {
		s.Discard(half)
	}
	return o, err
}

// unwrapTrustedAES unwraps what an AES key that may do both has wrapped.
func unwrapTrustedAES(s *Session, place Place, trusted bool) (Object, error) {
	mech, err := s.KeyWrap()
	if err != nil {
		return 0, err
	}
	opener, err := s.plain("opener", func() (Object, error) {
		return s.generateAES(worthless(SessionObject).with(Attribute{pkcs11.CKA_UNWRAP, true, false, "is to unwrap"}), 32)
	})
	if err != nil {
		return 0, err
	}
	key, err := s.plainOf(SecretKey)
	if err != nil {
		return 0, err
	}
	blob, err := s.p.WrapKey(s.h, mechanism(uint(mech)), opener, key)
	if err != nil {
		return 0, fail("C_WrapKey of a worthless key", err)
	}
	return s.p.UnwrapKey(s.h, mechanism(uint(mech)), opener, blob,
		wanted(place, trusted).labelled(classed(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES)...))
}

func copiedFrom(class Class) func(*Session, Place, bool) (Object, error) {
	return func(s *Session, place Place, trusted bool) (Object, error) {
		plain, err := s.plainOf(class)
		if err != nil {
			return 0, err
		}
		t := slices.DeleteFunc(wanted(place, trusted), func(a Attribute) bool { return a.Type == pkcs11.CKA_PRIVATE })
		return s.p.CopyObject(s.h, plain, t.labelled())
	}
}

// setOn makes an object without trust and sets TRUSTED afterwards; the control
// sets WRAP.
func setOn(make func(*Session, Place, bool) (Object, error)) func(*Session, Place, bool) (Object, error) {
	return func(s *Session, place Place, trusted bool) (Object, error) {
		o, err := make(s, place, false)
		if err != nil {
			return 0, err
		}
		attribute := uint(pkcs11.CKA_WRAP)
		if trusted {
			attribute = pkcs11.CKA_TRUSTED
		}
		if err := s.p.SetAttributeValue(s.h, o, []*pkcs11.Attribute{pkcs11.NewAttribute(attribute, true)}); err != nil {
			s.Discard(o)
			return 0, err
		}
		return o, nil
	}
}
