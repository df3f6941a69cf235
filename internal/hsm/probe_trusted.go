package hsm

import (
	"fmt"

	"github.com/miekg/pkcs11"
)

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
	template func() Template
}{
	KM:          {nameKM, PublicKey, func() Template { return trustedRSA(TokenObject) }},
	KW:          {nameKW, SecretKey, kw},
	Anchor:      {nameAnchor, PublicKey, anchor},
	KEK:         {nameKEK, PublicKey, func() Template { return trustedRSA(SessionObject) }},
	TransferKey: {nameTransfer, SecretKey, transferKey},
}

// ProbeTrusted tries, as user, to undo every restriction of a trusted key by
// setting it and by copies to the token and to the session, and to use the key
// for what it must not do.
func (s *Session) ProbeTrusted(o Object, kind TrustedKind) error {
	t := trustedKinds[kind]
	if err := s.keeps(o, t.name, t.class, t.template()); err != nil {
		return err
	}
	if t.class == SecretKey {
		return s.probeTrustedAES(o, t.name)
	}
	if kind == Anchor {
		return s.refusesToWrap(o, t.name)
	}
	return nil
}

func (s *Session) probeTrustedAES(o Object, name string) error {
	if err := s.refusesReading(o, name, pkcs11.CKA_VALUE); err != nil {
		return err
	}
	if err := s.refusesUnwrap(o, name); err != nil {
		return err
	}
	return s.refusesDecrypt(o, name)
}

// refusesUnwrap gives a wrapping key what it has wrapped itself, so that
// nothing but the permission stands in the way of opening it.
func (s *Session) refusesUnwrap(o Object, name string) error {
	return s.refused(attempt{
		gain:    name + " unwraps what it has wrapped",
		err:     s.unwrapOwn(o),
		name:    "unwrap",
		control: func() error { return s.withPlainAES(pkcs11.CKA_UNWRAP, s.unwrapOwn) },
	})
}

func (s *Session) unwrapOwn(o Object) error {
	mech, err := s.KeyWrap()
	if err != nil {
		return err
	}
	key, err := s.plainOf(SecretKey)
	if err != nil {
		return err
	}
	blob, err := s.p.WrapKey(s.h, mechanism(uint(mech)), o, key)
	if err != nil {
		return fail("C_WrapKey of a worthless key", err)
	}
	template := worthless(SessionObject).raw(classed(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES)...)
	opened, err := s.p.UnwrapKey(s.h, mechanism(uint(mech)), o, blob, template)
	if err == nil {
		s.Discard(opened)
	}
	return err
}

func (s *Session) refusesDecrypt(o Object, name string) error {
	return s.refused(attempt{
		gain:    name + " decrypts",
		err:     s.decrypt(o),
		name:    "decrypt",
		control: func() error { return s.withPlainAES(pkcs11.CKA_DECRYPT, s.decrypt) },
	})
}

// decrypt runs one block through an AES key. An operation that was begun has
// to be ended: the session could begin no other until then.
func (s *Session) decrypt(o Object) error {
	err := s.p.DecryptInit(s.h, mechanism(pkcs11.CKM_AES_ECB), o)
	if err == nil {
		_, _ = s.p.Decrypt(s.h, make([]byte, 16))
	}
	return err
}

// withPlainAES tries something with an AES key that has one more use.
func (s *Session) withPlainAES(use uint, try func(Object) error) error {
	o, err := s.generateAES(worthless(SessionObject).with(Attribute{use, true, false, "what is tried"}), 32)
	if err != nil {
		return err
	}
	defer s.Discard(o)
	return try(o)
}

// refusesToWrap holds the anchor to WRAP=false.
func (s *Session) refusesToWrap(o Object, name string) error {
	wrap := func(outer Object) error {
		key, err := s.plainOf(SecretKey)
		if err != nil {
			return err
		}
		_, err = s.p.WrapKey(s.h, oaepSHA1(), outer, key)
		return err
	}
	return s.refused(attempt{
		gain: name + " wraps",
		err:  wrap(o),
		name: "wrap",
		control: func() error {
			outer, err := s.plainOf(PublicKey)
			if err != nil {
				return err
			}
			return wrap(outer)
		},
	})
}

// keeps reads the template back and tries to undo each frozen attribute, by
// setting it and by copies in which it is different.
func (s *Session) keeps(o Object, name string, class Class, t Template) error {
	if err := s.shows(o, name, t); err != nil {
		return err
	}
	for _, a := range t {
		if !a.Frozen {
			continue
		}
		if err := s.refusesUndoing(o, name, class, a); err != nil {
			return err
		}
	}
	return s.shows(o, name, t)
}

func (s *Session) refusesUndoing(o Object, name string, class Class, a Attribute) error {
	if err := s.refusesSetting(o, name, class, a); err != nil {
		return err
	}
	for _, place := range []Place{SessionObject, TokenObject} {
		if err := s.refusesCopy(o, name, class, a, place); err != nil {
			return err
		}
	}
	return nil
}

// refusesSetting sets an attribute to its opposite. A token may also say yes
// and leave it as it was.
func (s *Session) refusesSetting(o Object, name string, class Class, a Attribute) error {
	err := s.p.SetAttributeValue(s.h, o, opposite(a))
	if err == nil {
		if now, err := s.flag(o, a.Type); err != nil || now == a.Value {
			return err
		}
	}
	return s.refused(attempt{
		gain: fmt.Sprintf("CKA_%s of %s can be set to %t (%s)", a.name(), name, !a.Value, a.Why),
		err:  err,
		name: "set " + class.String(),
		control: func() error {
			plain, err := s.plainOf(class)
			if err != nil {
				return err
			}
			return s.p.SetAttributeValue(s.h, plain, harmless(class).raw())
		},
	})
}

// refusesCopy copies an object with an attribute's opposite. A copy of a
// public key that is no longer trusted gains nothing.
func (s *Session) refusesCopy(o Object, name string, class Class, a Attribute, place Place) error {
	weaker, err := s.copyFor(o, place, opposite(a))
	if err == nil {
		defer s.Discard(weaker)
		gains, err := s.gains(weaker, class, a)
		if err != nil || !gains {
			return err
		}
	}
	return s.refused(attempt{
		gain: fmt.Sprintf("%s can be copied to the %v with CKA_%s=%t (%s)", name, place, a.name(), !a.Value, a.Why),
		err:  err,
		name: fmt.Sprintf("copy %v %v", class, place),
		control: func() error {
			plain, err := s.plainOf(class)
			if err != nil {
				return err
			}
			widened, err := s.copyFor(plain, place, harmless(class).raw())
			if err == nil {
				s.Discard(widened)
			}
			return err
		},
	})
}

func (s *Session) copyFor(o Object, place Place, changed []*pkcs11.Attribute) (Object, error) {
	first := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, ProbeLabel),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, place == TokenObject),
	}
	return s.p.CopyObject(s.h, o, append(first, changed...))
}

func (s *Session) gains(weaker Object, class Class, a Attribute) (bool, error) {
	values, err := s.attributes(weaker, a.Type, pkcs11.CKA_TRUSTED)
	if err != nil {
		return false, err
	}
	return truth(values[0]) != a.Value && (class != PublicKey || truth(values[1])), nil
}

func opposite(a Attribute) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{pkcs11.NewAttribute(a.Type, !a.Value)}
}

// harmless are the uses that a control gives to an object that may have them:
// those that the restrictions forbid to a trusted key, or to a transfer copy.
func harmless(class Class) Template {
	const why = "may be had by what is not restricted"
	switch class {
	case PublicKey:
		return Template{{pkcs11.CKA_ENCRYPT, true, false, why}, {pkcs11.CKA_VERIFY, true, false, why}}
	case SecretKey:
		return Template{
			{pkcs11.CKA_ENCRYPT, true, false, why},
			{pkcs11.CKA_DECRYPT, true, false, why},
			{pkcs11.CKA_UNWRAP, true, false, why},
			{pkcs11.CKA_SIGN, true, false, why},
			{pkcs11.CKA_DERIVE, true, false, why},
		}
	}
	return Template{{pkcs11.CKA_SIGN, true, false, why}, {pkcs11.CKA_DERIVE, true, false, why}}
}
