package hsm

import (
	"crypto"

	"github.com/miekg/pkcs11"

	"byok/internal/keykind"
)

// Place is where an object lives.
type Place int

// The places. A session object ends with its session, also after a crash.
const (
	TokenObject Place = iota
	SessionObject
)

// Key is a private or secret key, by its handle: what is done with a Key is
// done with the very object that was found, made or restored. A Key is valid
// while its session is open and the user logged in.
type Key struct {
	Label  string
	Kind   keykind.Kind
	Public crypto.PublicKey // *rsa.PublicKey or *ecdsa.PublicKey; nil for AES

	id     []byte
	object Object
	public Object // its public half; 0 for AES
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
	private, err := s.findKeys(PrivateKey, label)
	if err != nil {
		return Key{}, err
	}
	secret, err := s.findKeys(SecretKey, label)
	if err != nil {
		return Key{}, err
	}
	o, err := s.one(label, append(private, secret...))
	if err != nil {
		return Key{}, err
	}
	if len(secret) == 1 {
		return s.foundSecret(label, o)
	}
	return s.foundPrivate(label, o)
}

func (s *Session) findKeys(class Class, label string) ([]Object, error) {
	return s.find(
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, uint(class)), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
}

// CheckValue encrypts the zero block with an AES key in ECB mode: 16 bytes, the
// first three of which are PKCS#11's CKA_CHECK_VALUE (v2.40, section 4.10.2).
func (s *Session) CheckValue(k Key) ([]byte, error) {
	if err := s.p.EncryptInit(s.h, mechanism(pkcs11.CKM_AES_ECB), k.object); err != nil {
		return nil, fail("C_EncryptInit with "+k.Label, err)
	}
	value, err := s.p.Encrypt(s.h, make([]byte, 16))
	if err != nil {
		return nil, fail("C_Encrypt with "+k.Label, err)
	}
	return value, nil
}

// Permissions lists the boolean attributes of the key that are true, by their
// PKCS#11 names without CKA_, sorted.
func (s *Session) Permissions(k Key) ([]string, error) {
	panic("TODO")
}

func (s *Session) foundSecret(label string, o Object) (Key, error) { panic("TODO") }

func (s *Session) foundPrivate(label string, o Object) (Key, error) { panic("TODO") }
