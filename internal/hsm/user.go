package hsm

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/ThalesIgnite/crypto11"
	"github.com/miekg/pkcs11"

	"byok/internal/secret"
)

// User is a session logged in with the user PIN: the operator at work.
type User struct {
	session
	c11 *crypto11.Context
}

// User logs in to t with the user PIN. crypto11 insists on initialising the
// library itself, so ours is finalised first and joins afterwards; crypto11
// then owns C_Finalize until Close.
func (m *Module) User(t Token, pin *secret.Bytes) (*User, error) {
	if err := m.p.Finalize(); err != nil {
		return nil, fail("C_Finalize of "+m.Path, err)
	}
	c11, err := crypto11.Configure(&crypto11.Config{Path: m.Path, TokenSerial: t.Serial, Pin: pin.Text(), MaxSessions: 4})
	s, err := m.join(t, err)
	if err != nil && c11 != nil {
		_ = c11.Close() // or crypto11 would go on counting the library as in use
		_ = m.initialize()
	}
	if err != nil {
		return nil, err
	}
	return &User{s, c11}, nil
}

// join opens our session beside crypto11's, which has logged in for both
// unless loginErr says why not.
func (m *Module) join(t Token, loginErr error) (session, error) {
	if err := m.initialize(); err != nil {
		return session{}, err
	}
	if loginErr != nil {
		s := session{Token: t, m: m}
		return s, s.loginError("user", rootCause(loginErr), pkcs11.CKF_USER_PIN_COUNT_LOW, pkcs11.CKF_USER_PIN_FINAL_TRY, pkcs11.CKF_USER_PIN_LOCKED)
	}
	return m.open(t)
}

// rootCause unwraps crypto11's errors, which use github.com/pkg/errors' Cause.
func rootCause(err error) error {
	type causer interface{ Cause() error }
	for {
		c, ok := err.(causer)
		if !ok {
			return err
		}
		err = c.Cause()
	}
}

// Close ends the session and logs out. The module stays usable. Closing twice
// is harmless.
func (u *User) Close() error {
	if u.c11 == nil {
		return nil
	}
	_ = u.p.CloseSession(u.h)
	_ = u.c11.Close() // never fails, but panics when it is called twice (crypto11 v1.6.2)
	u.c11 = nil
	return u.m.initialize()
}

// KeySpec says what key to generate.
type KeySpec struct {
	Type     string // RSA, EC or AES
	Bits     int    // RSA 2048, 3072, 4096; AES 128, 192, 256
	Curve    string // P-256, P-384, P-521, P-256K
	Exponent uint32 // RSA; 0 means 65537
}

// Secret tells whether the key has no public half.
func (k KeySpec) Secret() bool { return k.Type == "AES" }

// GenerateKey makes a key of an operator's on the token: wrappable by a
// trusted key only. Its public half, if it has one, carries the same label.
func (u *User) GenerateKey(label string, spec KeySpec) error {
	id := newID()
	if spec.Secret() {
		return u.generateSecret(id, label, spec.Bits)
	}
	private, public := privateKeyTemplate(spec.Type == "RSA"), publicKeyTemplate(spec.Type == "RSA")
	if spec.Curve == curveP256K.name {
		return u.generateP256K(id, label, public, private)
	}
	return u.generatePair(id, label, spec, public, private)
}

// GenerateSigningKey makes the world signing key: EC on P-256, 128-bit strength.
func (u *User) GenerateSigningKey(label string) error {
	return u.generatePair(newID(), label, KeySpec{Type: "EC", Curve: "P-256"}, publicKeyTemplate(false), privateKeyTemplate(false))
}

func (u *User) generatePair(id []byte, label string, spec KeySpec, public, private Template) error {
	publicSet, err := public.set(id, label)
	if err != nil {
		return err
	}
	privateSet, err := private.set(id, label)
	if err != nil {
		return err
	}
	if spec.Type == "RSA" {
		if spec.Exponent != 0 {
			if err := publicSet.Set(pkcs11.CKA_PUBLIC_EXPONENT, exponentBytes(spec.Exponent)); err != nil {
				return err
			}
		}
		_, err = u.c11.GenerateRSAKeyPairWithAttributes(publicSet, privateSet, spec.Bits)
	} else {
		curve, curveErr := curveNamed(spec.Curve)
		if curveErr != nil {
			return curveErr
		}
		_, err = u.c11.GenerateECDSAKeyPairWithAttributes(publicSet, privateSet, curve.curve)
	}
	return generated(label, err)
}

func generated(label string, err error) error {
	if err != nil {
		return fail("C_GenerateKeyPair of "+label, rootCause(err))
	}
	return nil
}

func (u *User) generateP256K(id []byte, label string, public, private Template) error {
	_, _, err := u.p.GenerateKeyPair(u.h, mechanism(pkcs11.CKM_EC_KEY_PAIR_GEN),
		public.raw(append(naming(label, id), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, curveP256K.params()))...),
		private.raw(naming(label, id)...))
	return generated(label, err)
}

func (u *User) generateSecret(id []byte, label string, bits int) error {
	set, err := secretKeyTemplate().set(id, label)
	if err != nil {
		return err
	}
	if _, err := u.c11.GenerateSecretKeyWithAttributes(set, bits, crypto11.CipherAES); err != nil {
		return fail("C_GenerateKey of "+label, rootCause(err))
	}
	return nil
}

// Reduce copies the key to a transfer copy that a trusted key can wrap and
// that can do nothing else.
func (u *User) Reduce(key Key, label string) (Key, error) {
	_, err := u.p.CopyObject(u.h, key.object, transferCopyTemplate(key.Secret).raw(pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)))
	if err != nil {
		return Key{}, fail(fmt.Sprintf("C_CopyObject of %s to %s", key.Label, label), err)
	}
	return u.FindKey(label)
}

// random returns n bytes for keys to probe with, which protect nothing.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func notThere(err error) bool { return errors.Is(err, ErrNotFound) }
