package hsm

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"

	"github.com/ThalesIgnite/crypto11"
	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/c11"
	"byok/internal/hsm/p11"
	"byok/internal/keykind"
	"byok/internal/secret"
	"byok/internal/term"
)

// User is a session logged in with the user PIN: the operator at work. It
// generates and signs through crypto11, unless crypto11 cannot find this token,
// log in to it, or have the sessions that it needs.
//
// Use a [Session] where the SO logs in as well, or where session objects must
// live on: crypto11 initialises the library itself, and its Close finalises
// it, which ends every session of the process.
type User struct {
	*Session
	c11   *crypto11.Context // nil: the session does it all
	pairs c11.Pairs
}

// User logs in to t with the user PIN. No other session may be open.
func (m *Module) User(t Token, pin *secret.Bytes) (*User, error) {
	t, err := m.Again(t)
	if err != nil {
		return nil, err
	}
	if !m.suitsCrypto11(t) {
		return m.userAlone(t, pin)
	}
	if err := m.p.Finalize(); err != nil {
		return nil, p11.Fail("C_Finalize of "+m.Path, err)
	}
	context, err := crypto11.Configure(m.config(t, pin))
	if err != nil {
		return m.withoutCrypto11(t, pin, err)
	}
	s, err := m.Open(t) // crypto11 has initialised the library, and logged in for both
	if err != nil {
		_ = context.Close() // or crypto11 would go on counting the library as in use
		_ = m.initialize()
		return nil, err
	}
	s.role = RoleUser
	return &User{Session: s, c11: context}, nil
}

// withoutCrypto11 goes on where crypto11 gave up, and left the library finalised:
// the token has refused the login, or crypto11 itself was at a loss.
func (m *Module) withoutCrypto11(t Token, pin *secret.Bytes, why error) (*User, error) {
	var err error
	if m.alone, err = m.native.Initialize(m.p); err != nil {
		const hint = "byok-offline module accept --module-path %s --card DIR … records that this library refuses it"
		return nil, exitcode.Hint(p11.Fail("C_Initialize of "+m.Path+" after C_Finalize", err), hint, term.Quote(m.Path))
	}
	if c11.BeforeLogin(why) {
		return m.userAlone(t, pin)
	}
	return nil, m.LoginError(t, RoleUser, c11.RootCause(why))
}

// crypto11Sessions is how many sessions a user's session takes beside crypto11:
// one that keeps the login, one that works, and ours.
const crypto11Sessions = 3

// suitsCrypto11 reports whether crypto11 can work on t. It initialises the library
// once more and has it lock, finds a token by its serial number alone, gives up at
// a slot that does not answer, has no way to leave the PIN to the device, and waits
// for ever for a session too many.
func (m *Module) suitsCrypto11(t Token) bool {
	return !m.Once && !m.alone && !t.PINPad() && t.Allows(crypto11Sessions) && m.FoundBySerial(t)
}

// userAlone logs in without crypto11.
func (m *Module) userAlone(t Token, pin *secret.Bytes) (*User, error) {
	s, err := m.Open(t)
	if err != nil {
		return nil, err
	}
	if err := s.Login(RoleUser, pin); err != nil {
		s.Close()
		return nil, err
	}
	return &User{Session: s}, nil
}

func (m *Module) config(t Token, pin *secret.Bytes) *crypto11.Config {
	return &crypto11.Config{Path: m.Path, TokenSerial: t.Serial, Pin: pin.Text(), MaxSessions: 4}
}

// Close ends the session and logs out. The module stays usable. Closing twice
// is harmless.
func (u *User) Close() error {
	if u.c11 == nil {
		u.Session.Close()
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
	if u.c11 == nil {
		return u.Session.GenerateKML(label)
	}
	return u.generateKML(viaCrypto11{u}, label)
}

// maker returns crypto11, or the session for what crypto11 does not know.
func (u *User) maker(spec Spec) maker {
	if u.c11 == nil || p256k(spec.Kind) {
		return viaSession{u.Session}
	}
	return viaCrypto11{u}
}

func p256k(kind keykind.Kind) bool { return kind.Curve == "P-256K" }

// Sign is [Session.Sign], through crypto11 where it can read the public key.
func (u *User) Sign(k Key, message []byte) ([]byte, error) {
	if u.c11 == nil || p256k(k.Kind) {
		return u.Session.Sign(k, message)
	}
	found, err := u.pairs.Find(u.c11, k.id, k.Label)
	if c11.Own(err) {
		return u.Session.Sign(k, message)
	}
	if err != nil {
		return nil, p11.Fail("finding "+k.Label, c11.RootCause(err))
	}
	if len(found) != 1 {
		return nil, exitcode.Errorf(exitcode.HSM, "%d key pairs are %s on %v instead of one", len(found), k.Label, u.Token)
	}
	digest := sha256.Sum256(message)
	sig, err := found[0].Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, p11.Fail("signing with "+k.Label, c11.RootCause(err))
	}
	return sig, nil
}

// viaCrypto11 generates through crypto11.
type viaCrypto11 struct{ *User }

func (v viaCrypto11) pair(spec Spec, public, private []*pkcs11.Attribute) (publicHalf, privateHalf Object, err error) {
	return v.maker11().Pair(spec.Kind, public, private)
}

func (v viaCrypto11) secret(spec Spec, template []*pkcs11.Attribute) (Object, error) {
	return v.maker11().Secret(spec.Kind, template)
}

func (v viaCrypto11) maker11() c11.Maker {
	return c11.Maker{Context: v.c11, Session: v.raw, One: v.one}
}
