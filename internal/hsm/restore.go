package hsm

import (
	"cmp"
	"crypto"
	"crypto/rsa"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/publickey"
	"byok/internal/hsm/templates"
	"byok/internal/keykind"
)

// restoreBits is the size of the session's RSA key. What is encrypted for it
// never leaves this process, and larger keys take an HSM seconds to generate.
const restoreBits = 2048

// nameRestored names what Restore returns in messages and in [Session.LeftOut].
const nameRestored = "the restored key"

// Seal encrypts a backup's AES key with RSA-OAEP (SHA-1, MGF1-SHA1, no label)
// for a session's public key.
type Seal func(session *rsa.PublicKey) ([]byte, error)

// Backup is a backup to be restored.
type Backup struct {
	Kind   keykind.Kind
	Public crypto.PublicKey // nil for AES
	Seal   Seal             // gives the AES key inside the first part
	Inner  []byte           // the second part
	Label  string           // of a token object; "" restores to a session object
}

// place is where the key goes, and its label there.
func (b Backup) place() (Place, string) {
	if b.Label == "" {
		return SessionObject, sessionLabel
	}
	return TokenObject, b.Label
}

// Restore unwraps a backup into a session object, or onto the token.
//
// The token generates an RSA pair that lives as long as this login and can only
// unwrap; Seal gets its public half and gives the backup's AES key.
//
// What comes out is tightened and read back, but nothing is known yet of whose
// key it is: call [Session.Proves], and only then [Session.Persist]. LOCAL and
// ALWAYS_SENSITIVE are false from now on.
func (s *Session) Restore(b Backup) (Key, error) {
	mech, err := s.KeyWrap()
	if err != nil {
		return Key{}, err
	}
	aes, err := s.unwrapAES(b.Seal)
	if err != nil {
		return Key{}, err
	}
	defer s.Discard(aes)
	k := Key{Label: cmp.Or(b.Label, nameRestored), Kind: b.Kind, Public: b.Public, id: p11.NewID()}
	if k.object, err = s.unwrapKey(k, mech, aes, b); err != nil {
		return Key{}, err
	}
	if err := s.complete(&k, b); err != nil {
		s.Discard(k.object)
		return Key{}, err
	}
	return k, nil
}

func (s *Session) complete(k *Key, b Backup) error {
	place, label := b.place()
	if err := s.tighten(k.object, s.template(*k, place)); err != nil {
		return err
	}
	if k.secret() {
		return nil
	}
	material, err := publickey.Material(k.Public)
	if err != nil {
		return err
	}
	template := templates.PublicKey(place, k.Kind.Type == keykind.RSA)
	k.public, err = s.raw.Create(template.Raw(append(p11.Naming(label, k.id), material...)...))
	if err != nil {
		return p11.Fail("C_CreateObject of the public half of "+nameRestored, err)
	}
	return nil
}

// unwrapAES has the backup's AES key encrypted for the session's RSA key and
// unwraps it.
func (s *Session) unwrapAES(seal Seal) (Object, error) {
	opener, err := s.opener()
	if err != nil {
		return 0, err
	}
	sealed, err := seal(opener.public)
	if err != nil {
		return 0, err
	}
	o, err := s.raw.Unwrap(p11.OAEP(), opener.private, sealed, templates.Unwrapping().Raw(
		append(p11.Naming(sessionLabel, p11.NewID()), p11.Classed(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES)...)...))
	if err != nil {
		return 0, p11.Fail("C_UnwrapKey of the backup's AES key", err)
	}
	return o, nil
}

// sessionRSA is an RSA pair that lives as long as the login and unwraps only.
type sessionRSA struct {
	public  *rsa.PublicKey
	private Object
}

// opener returns the session's RSA pair, generated on first use.
func (s *Session) opener() (*sessionRSA, error) {
	if s.rsa != nil {
		return s.rsa, nil
	}
	half, private, err := s.generateOpener()
	if err != nil {
		return nil, err
	}
	public, err := publickey.ReadRSA(s.raw, half)
	if err != nil {
		return nil, err
	}
	s.rsa = &sessionRSA{public, private}
	return s.rsa, nil
}

func (s *Session) generateOpener() (public, private Object, err error) {
	kind, err := keykind.Lookup(keykind.RSA, restoreBits, "")
	if err != nil {
		return 0, 0, err
	}
	id := p11.NewID()
	t := p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, false, "ends with the session"),
		p11.Has(pkcs11.CKA_PRIVATE, false, "public"),
		p11.Has(pkcs11.CKA_WRAP, false, "encryption for it is done in software"),
	}
	public, private, err = s.raw.GeneratePair(kind.Generation,
		t.Raw(append(p11.Naming(sessionLabel, id), templates.Parameters(kind, 0)...)...),
		templates.Unwrapping().Raw(p11.Naming(sessionLabel, id)...))
	if err != nil {
		return 0, 0, p11.Fail("C_GenerateKeyPair of a session RSA key", err)
	}
	return public, private, nil
}

func (s *Session) unwrapKey(k Key, mech KeyWrap, aes Object, b Backup) (Object, error) {
	place, label := b.place()
	return s.raw.Made(p11.Making{
		Call:      "C_UnwrapKey of the backup",
		Object:    nameRestored,
		Template:  s.template(k, place),
		Mechanism: p11.NoMechanism,
		// openCryptoki refuses EXTRACTABLE here, and has it true.
		MayOmit: []uint{pkcs11.CKA_EXTRACTABLE},
		Make: func(t []*pkcs11.Attribute) (Object, error) {
			list := slices.Concat(p11.Naming(label, k.id), p11.Classed(k.class(), k.Kind.KeyType), t)
			return s.raw.Unwrap(p11.Mechanism(uint(mech)), aes, b.Inner, list)
		},
	})
}

// tighten sets what the module has ignored in the template, and reads all of
// it back. openCryptoki ignores SENSITIVE; NSS softoken has UNWRAP true of every
// RSA key. It adds no use.
func (s *Session) tighten(o Object, t p11.Template) error {
	limits := t.Limits()
	values, err := s.raw.Attributes(o, limits.Types()...)
	if err != nil {
		return err
	}
	for i, a := range limits {
		if p11.Truth(values[i]) == a.Value {
			continue
		}
		if err := s.raw.Set(o, p11.Template{a}.Raw()); err != nil {
			return p11.Fail("C_SetAttributeValue of CKA_"+a.Name()+" of "+nameRestored, err)
		}
	}
	return s.raw.Shows(o, nameRestored, t)
}
