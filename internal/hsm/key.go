package hsm

import (
	"crypto"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/inventory"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/publickey"
	"byok/internal/hsm/signing"
	"byok/internal/hsm/templates"
	"byok/internal/keykind"
)

// Place is where an object lives.
type Place = p11.Place

// The places. A session object ends with its session, also after a crash.
const (
	TokenObject   = p11.TokenObject
	SessionObject = p11.SessionObject
)

// Key is a private or secret key, by its handle: what is done with a Key is
// done with the very object that was found, made or restored. A Key is valid
// while its session is open and the user logged in.
type Key struct {
	Label  string
	Kind   keykind.Kind
	Public crypto.PublicKey // *rsa.PublicKey or *ecdsa.PublicKey; nil for AES

	id       []byte
	object   Object
	public   Object // its public half; 0 for AES
	original Object // what a transfer copy was made of; 0 for others

	permissions []string // of a transfer copy, which cannot be changed; nil for others
}

// Identity is what a key is known by: its public key, or for AES its check
// value of 16 bytes (see [Session.CheckValue]).
type Identity struct {
	Public     crypto.PublicKey
	CheckValue []byte
}

// FindKey returns the one private or secret token object with the label, and its
// public half, which has the same CKA_ID. That the private half belongs to it
// is what [Session.Proves] shows: labels and CKA_ID are the operator's to change.
func (s *Session) FindKey(label string) (Key, error) {
	objects, err := s.raw.Find(
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
	if err != nil {
		return Key{}, err
	}
	items, err := inventory.Items(s.raw, objects)
	if err != nil {
		return Key{}, err
	}
	return s.KeyIn(items, label)
}

// Expected is a key by what is known of it; [Session.FindAgain] finds it.
func Expected(label string, public crypto.PublicKey) (Key, error) {
	kind, err := keykind.Of(public)
	return Key{Label: label, Kind: kind, Public: public}, err
}

// FindAgain returns the one token object with k's label and class, in one
// search. Everything else is k's: that it is that key is what [Session.Proves]
// shows, or a signature that verifies.
func (s *Session) FindAgain(k Key) (Key, error) {
	objects, err := s.raw.Find(
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, uint(k.class())),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, k.Label))
	if err != nil {
		return Key{}, err
	}
	return s.again(k, objects)
}

func (s *Session) again(k Key, objects []Object) (_ Key, err error) {
	k.object, err = s.one(k.Label, objects)
	k.public, k.original = 0, 0
	return k, err
}

// CheckValue encrypts the zero block with an AES key in ECB mode: 16 bytes, the
// first three of which are PKCS#11's CKA_CHECK_VALUE (v2.40, section 4.10.2).
func (s *Session) CheckValue(k Key) ([]byte, error) {
	return signing.CheckValue(s.raw, signing.Key{Kind: k.Kind, Object: k.object, Label: k.Label})
}

// Permissions lists the boolean attributes of the key that are true, by their
// PKCS#11 names without CKA_, sorted.
func (s *Session) Permissions(k Key) ([]string, error) {
	if k.permissions != nil {
		return k.permissions, nil
	}
	types := templates.Uses(k.secret())
	values, err := s.raw.Attributes(k.object, types...)
	if err != nil {
		return nil, err
	}
	return p11.Truths(types, values), nil
}

// secret reports whether the key is a secret key, and so has no public half.
func (k Key) secret() bool { return k.Kind.Type == keykind.AES }

// class returns the class of the key's own object.
func (k Key) class() Class {
	if k.secret() {
		return SecretKey
	}
	return PrivateKey
}

// whole completes an AES key. SoftHSM forgets the length of one that was
// unwrapped: its Kind has 0 Bits.
func (s *Session) whole(key Item) (Key, error) {
	values, err := s.raw.Attributes(key.Object, pkcs11.CKA_VALUE_LEN)
	if err != nil {
		return Key{}, err
	}
	kind, err := keykind.Lookup(keykind.AES, int(p11.ULong(values[0]))*8, "")
	if err != nil {
		kind, _ = keykind.Lookup(keykind.AES, 256, "")
		kind.Bits = 0
	}
	return Key{Label: key.Label, Kind: kind, id: key.ID, object: key.Object}, nil
}

// halves completes a private key by the one public key of its CKA_ID.
func (s *Session) halves(key Item, public []Item) (Key, error) {
	if len(public) != 1 {
		return Key{}, exitcode.Errorf(exitcode.HSM, "%d public keys belong to %s on %v instead of one",
			len(public), key.Label, s.Token)
	}
	k := Key{Label: key.Label, id: key.ID, object: key.Object, public: public[0].Object}
	return s.pair(k, public[0].KeyType)
}

// pair completes a key by its public half, of the given CKA_KEY_TYPE.
func (s *Session) pair(k Key, keyType uint) (Key, error) {
	public, err := publickey.Read(s.raw, k.public, keyType)
	if err != nil {
		return Key{}, err
	}
	k.Public = public
	k.Kind, err = keykind.Of(public)
	return k, err
}
