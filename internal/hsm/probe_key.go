package hsm

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/keykind"
)

// ProbeKey tries, as user, to reveal a key: [Session.ProbeOneWay] and
// [Session.ProbeWrapWithTrusted].
func (s *Session) ProbeKey(k Key) error {
	if err := s.ProbeOneWay(k); err != nil {
		return err
	}
	return s.ProbeWrapWithTrusted(k)
}

// ProbeOneWay tries to read a key, and to lift SENSITIVE or WRAP_WITH_TRUSTED.
func (s *Session) ProbeOneWay(k Key) error {
	place, err := s.place(k)
	if err != nil {
		return err
	}
	return s.probeKept(k, keptKey(place))
}

// ProbeWrapWithTrusted tries to wrap a key under keys that are not trusted, with
// every wrapping mechanism of the table that the token lists.
func (s *Session) ProbeWrapWithTrusted(k Key) error {
	return s.refusesUntrustedWrap(k.object, k.Label, k.class())
}

// ProbeCopy does what [Session.ProbeKey] does to a transfer copy, and tries to
// use and to widen it.
func (s *Session) ProbeCopy(k Key) error {
	if err := s.probeKept(k, reducedShows(k.secret())); err != nil {
		return err
	}
	if err := s.ProbeWrapWithTrusted(k); err != nil {
		return err
	}
	return s.refusesUses(k)
}

func (s *Session) place(k Key) (Place, error) {
	onToken, err := s.flag(k.object, pkcs11.CKA_TOKEN)
	if onToken {
		return TokenObject, err
	}
	return SessionObject, err
}

func (s *Session) probeKept(k Key, t Template) error {
	if err := s.keeps(k.object, k.Label, k.class(), t); err != nil {
		return err
	}
	secretPart := uint(pkcs11.CKA_VALUE)
	if k.Kind.Type == keykind.RSA {
		secretPart = pkcs11.CKA_PRIVATE_EXPONENT
	}
	return s.refusesReading(k.object, k.Label, secretPart)
}

// refusesReading tries to read the secret part of a key.
func (s *Session) refusesReading(o Object, name string, attribute uint) error {
	empty, err := s.read(o, attribute)
	if empty {
		return nil
	}
	return s.refused(attempt{
		gain: fmt.Sprintf("the value of %s can be read", name),
		err:  err,
		name: "read",
		control: func() error {
			readable := worthless(SessionObject).with(Attribute{pkcs11.CKA_SENSITIVE, false, false, "is to be read"})
			o, err := s.generateAES(readable, 32)
			if err != nil {
				return err
			}
			defer s.Discard(o)
			_, err = s.read(o, pkcs11.CKA_VALUE)
			return err
		},
	})
}

func (s *Session) read(o Object, attribute uint) (empty bool, err error) {
	got, err := s.p.GetAttributeValue(s.h, o, []*pkcs11.Attribute{pkcs11.NewAttribute(attribute, nil)})
	if err != nil {
		return false, err
	}
	defer clear(got[0].Value)
	return len(got[0].Value) == 0, nil
}

// use is an operation of a key that a transfer copy must not have.
type use struct {
	verb      string
	attribute uint
	mechanism uint
	begin     func(*Session, []*pkcs11.Mechanism, Object) error
	end       func(*Session, []byte) ([]byte, error)
}

func signing(mechanism uint) use {
	return use{
		verb:      "signs",
		attribute: pkcs11.CKA_SIGN,
		mechanism: mechanism,
		begin:     func(s *Session, m []*pkcs11.Mechanism, o Object) error { return s.p.SignInit(s.h, m, o) },
		end:       func(s *Session, b []byte) ([]byte, error) { return s.p.Sign(s.h, b) },
	}
}

func decrypting(mechanism uint) use {
	return use{
		verb:      "decrypts",
		attribute: pkcs11.CKA_DECRYPT,
		mechanism: mechanism,
		begin:     func(s *Session, m []*pkcs11.Mechanism, o Object) error { return s.p.DecryptInit(s.h, m, o) },
		end:       func(s *Session, b []byte) ([]byte, error) { return s.p.Decrypt(s.h, b) },
	}
}

func encrypting(mechanism uint) use {
	return use{
		verb:      "encrypts",
		attribute: pkcs11.CKA_ENCRYPT,
		mechanism: mechanism,
		begin:     func(s *Session, m []*pkcs11.Mechanism, o Object) error { return s.p.EncryptInit(s.h, m, o) },
		end:       func(s *Session, b []byte) ([]byte, error) { return s.p.Encrypt(s.h, b) },
	}
}

// usesOf lists what keys of each type are used for.
var usesOf = map[keykind.Type][]use{
	keykind.RSA: {signing(pkcs11.CKM_RSA_PKCS), decrypting(pkcs11.CKM_RSA_PKCS)},
	keykind.EC:  {signing(pkcs11.CKM_ECDSA)},
	keykind.AES: {encrypting(pkcs11.CKM_AES_ECB), decrypting(pkcs11.CKM_AES_ECB)},
}

// refusesUses starts each operation that the key was made for and the copy has
// lost.
func (s *Session) refusesUses(k Key) error {
	for _, u := range usesOf[k.Kind.Type] {
		err := s.refused(attempt{
			gain:    fmt.Sprintf("%s %s although CKA_%s is false", nameCopy, u.verb, names[u.attribute]),
			err:     u.try(s, k.object),
			name:    fmt.Sprintf("%s %s", k.Kind, u.verb),
			control: func() error { return u.try(s, k.original) },
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// try begins an operation and, if it was let, ends it: the session could begin
// no other until then.
func (u use) try(s *Session, o Object) error {
	err := u.begin(s, mechanism(u.mechanism), o)
	if err == nil {
		_, _ = u.end(s, make([]byte, 16))
	}
	return err
}
