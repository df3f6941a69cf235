package hsm

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"

	"github.com/ThalesIgnite/crypto11"
	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/keykind"
	"byok/internal/secret"
)

// User is a session logged in with the user PIN: the operator at work. It
// generates and signs through crypto11.
//
// Use a [Session] where the SO logs in as well, or where session objects must
// live on: crypto11 initialises the library itself, and its Close finalises
// it, which ends every session of the process.
type User struct {
	*Session
	c11 *crypto11.Context
}

// User logs in to t with the user PIN. No other session may be open.
func (m *Module) User(t Token, pin *secret.Bytes) (*User, error) {
	t, err := m.Token(t.ID())
	if err != nil {
		return nil, err
	}
	if err := m.p.Finalize(); err != nil {
		return nil, p11.Fail("C_Finalize of "+m.Path, err)
	}
	c11, loginErr := crypto11.Configure(m.config(t, pin))
	s, err := m.join(t, loginErr)
	if err != nil && c11 != nil {
		_ = c11.Close() // or crypto11 would go on counting the library as in use
		_ = m.initialize()
	}
	if err != nil {
		return nil, err
	}
	return &User{s, c11}, nil
}

// config chooses the token by its serial number, or by its label if it has none.
func (m *Module) config(t Token, pin *secret.Bytes) *crypto11.Config {
	config := &crypto11.Config{Path: m.Path, TokenSerial: t.Serial, Pin: pin.Text(), MaxSessions: 4}
	if t.Serial == "" {
		config.TokenLabel = t.Label
	}
	return config
}

// join opens a session of its own beside crypto11's, which has logged in for
// both unless loginErr says why not.
func (m *Module) join(t Token, loginErr error) (*Session, error) {
	if err := m.initialize(); err != nil {
		return nil, err
	}
	if loginErr != nil {
		return nil, m.LoginError(t, RoleUser, rootCause(loginErr))
	}
	s, err := m.Open(t)
	if err != nil {
		return nil, err
	}
	s.role = RoleUser
	return s, nil
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
	_ = u.raw.Ctx.CloseSession(u.raw.Handle)
	u.raw = nil
	_ = u.c11.Close() // never fails, but panics when it is called twice (crypto11 v1.6.2)
	u.c11 = nil
	return u.m.initialize()
}

// Generate is [Session.Generate] on the token, through crypto11.
func (u *User) Generate(spec Spec, label string) (Key, error) {
	return u.generate(u.maker(spec), spec, label, TokenObject)
}

// GenerateKML is [Session.GenerateKML], through crypto11.
func (u *User) GenerateKML(label string) (Key, error) {
	return u.generateKML(viaCrypto11{u}, label)
}

// maker returns crypto11, or the session for what crypto11 does not know.
func (u *User) maker(spec Spec) maker {
	if p256k(spec.Kind) {
		return viaSession{u.Session}
	}
	return viaCrypto11{u}
}

func p256k(kind keykind.Kind) bool { return kind.Curve == "P-256K" }

// Sign is [Session.Sign], through crypto11.
func (u *User) Sign(k Key, message []byte) ([]byte, error) {
	if p256k(k.Kind) {
		return u.Session.Sign(k, message)
	}
	found, err := u.c11.FindKeyPairs(k.id, []byte(k.Label))
	if err != nil {
		return nil, p11.Fail("finding "+k.Label, rootCause(err))
	}
	if len(found) != 1 {
		return nil, exitcode.Errorf(exitcode.HSM, "%d key pairs are %s on %v instead of one", len(found), k.Label, u.Token)
	}
	digest := sha256.Sum256(message)
	sig, err := found[0].Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, p11.Fail("signing with "+k.Label, rootCause(err))
	}
	return sig, nil
}

// viaCrypto11 generates through crypto11, which keeps its handles to itself: what
// it made is found by its CKA_ID.
type viaCrypto11 struct{ *User }

func (c viaCrypto11) pair(spec Spec, public, private []*pkcs11.Attribute) (publicHalf, privateHalf Object, err error) {
	publicSet, privateSet := set(public), set(private)
	if spec.Kind.Type == keykind.RSA {
		_, err = c.c11.GenerateRSAKeyPairWithAttributes(publicSet, privateSet, spec.Kind.Bits)
	} else {
		_, err = c.c11.GenerateECDSAKeyPairWithAttributes(publicSet, privateSet, spec.Kind.EllipticCurve())
	}
	if err != nil {
		return 0, 0, rootCause(err)
	}
	id := privateSet[pkcs11.CKA_ID].Value
	if publicHalf, err = c.byID(PublicKey, id); err != nil {
		return 0, 0, err
	}
	privateHalf, err = c.byID(PrivateKey, id)
	return publicHalf, privateHalf, err
}

func (c viaCrypto11) secret(spec Spec, template []*pkcs11.Attribute) (Object, error) {
	s := set(template)
	if _, err := c.c11.GenerateSecretKeyWithAttributes(s, spec.Kind.Bits, crypto11.CipherAES); err != nil {
		return 0, rootCause(err)
	}
	return c.byID(SecretKey, s[pkcs11.CKA_ID].Value)
}

func (c viaCrypto11) byID(class Class, id []byte) (Object, error) {
	found, err := c.raw.Find(
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, uint(class)), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_ID, id))
	if err != nil {
		return 0, err
	}
	return c.one("the generated key", found)
}

// set gives a template to crypto11.
func set(template []*pkcs11.Attribute) crypto11.AttributeSet {
	s := crypto11.NewAttributeSet()
	for _, a := range template {
		s[a.Type] = a
	}
	return s
}
