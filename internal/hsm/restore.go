package hsm

import (
	"cmp"
	"crypto"
	"crypto/rsa"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/restoring"
	"byok/internal/keykind"
)

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
	if s.Rights {
		return s.restoreOnDevice(b)
	}
	mech, err := s.KeyWrap()
	if err != nil {
		return Key{}, err
	}
	aes, err := s.unwrapAES(b.Seal)
	if err != nil {
		return Key{}, err
	}
	defer s.Discard(aes)
	k := Key{Label: cmp.Or(b.Label, restoring.Name), Kind: b.Kind, Public: b.Public, id: p11.NewID()}
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
	err := restoring.Tighten(s.raw, k.object, s.template(*k, place))
	if err == nil && !k.secret() {
		k.public, err = restoring.Half(s.raw, k.Public, place, p11.Naming(label, k.id))
	}
	return err
}

// unwrapAES has the backup's AES key encrypted for the session's RSA key and
// unwraps it.
func (s *Session) unwrapAES(seal Seal) (Object, error) {
	if s.rsa == nil {
		pair, err := restoring.Generate(s.raw, sessionLabel)
		if err != nil {
			return 0, err
		}
		s.rsa = pair
	}
	sealed, err := seal(s.rsa.Public)
	if err != nil {
		return 0, err
	}
	return s.rsa.Unwrap(s.raw, sessionLabel, sealed)
}

func (s *Session) unwrapKey(k Key, mech KeyWrap, aes Object, b Backup) (Object, error) {
	place, label := b.place()
	return s.raw.Made(p11.Making{
		Call:      "C_UnwrapKey of the backup",
		Object:    restoring.Name,
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
