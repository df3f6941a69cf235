package hsm

import (
	"crypto"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
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
	private, secret, err := s.findKeys(label)
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

func (s *Session) findKeys(label string) (private, secret []Object, err error) {
	if private, err = s.findClass(PrivateKey, label); err != nil {
		return nil, nil, err
	}
	secret, err = s.findClass(SecretKey, label)
	return private, secret, err
}

func (s *Session) findClass(class Class, label string) ([]Object, error) {
	return s.raw.Find(
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, uint(class)), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
}

// CheckValue encrypts the zero block with an AES key in ECB mode: 16 bytes, the
// first three of which are PKCS#11's CKA_CHECK_VALUE (v2.40, section 4.10.2).
func (s *Session) CheckValue(k Key) ([]byte, error) {
	if err := s.raw.Ctx.EncryptInit(s.raw.Handle, p11.Mechanism(pkcs11.CKM_AES_ECB), k.object); err != nil {
		return nil, p11.Fail("C_EncryptInit with "+k.Label, err)
	}
	value, err := s.raw.Ctx.Encrypt(s.raw.Handle, make([]byte, 16))
	if err != nil {
		return nil, p11.Fail("C_Encrypt with "+k.Label, err)
	}
	return value, nil
}

// uses lists the boolean attributes that say what a key may do and where it
// came from, for a secret or a private key.
func uses(secret bool) []uint {
	if secret {
		return append(slices.Clone(commonUses),
			pkcs11.CKA_VERIFY, pkcs11.CKA_ENCRYPT, pkcs11.CKA_WRAP, pkcs11.CKA_TRUSTED)
	}
	return append(slices.Clone(commonUses), pkcs11.CKA_SIGN_RECOVER)
}

var commonUses = []uint{
	pkcs11.CKA_SENSITIVE, pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_WRAP_WITH_TRUSTED, pkcs11.CKA_SIGN,
	pkcs11.CKA_DECRYPT, pkcs11.CKA_UNWRAP, pkcs11.CKA_DERIVE, pkcs11.CKA_MODIFIABLE, pkcs11.CKA_LOCAL,
	pkcs11.CKA_ALWAYS_SENSITIVE, pkcs11.CKA_NEVER_EXTRACTABLE,
}

// Permissions lists the boolean attributes of the key that are true, by their
// PKCS#11 names without CKA_, sorted.
func (s *Session) Permissions(k Key) ([]string, error) {
	types := uses(k.secret())
	values, err := s.raw.Attributes(k.object, types...)
	if err != nil {
		return nil, err
	}
	var on []string
	for i, value := range values {
		if p11.Truth(value) {
			on = append(on, p11.Name(types[i]))
		}
	}
	slices.Sort(on)
	return on, nil
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

// foundSecret reads an AES key. SoftHSM forgets the length of one that was
// unwrapped: its Kind has 0 Bits.
func (s *Session) foundSecret(label string, o Object) (Key, error) {
	values, err := s.raw.Attributes(o, pkcs11.CKA_ID, pkcs11.CKA_VALUE_LEN)
	if err != nil {
		return Key{}, err
	}
	kind, err := keykind.Lookup(keykind.AES, int(p11.ULong(values[1]))*8, "")
	if err != nil {
		kind, _ = keykind.Lookup(keykind.AES, 256, "")
		kind.Bits = 0
	}
	return Key{Label: label, Kind: kind, id: values[0], object: o}, nil
}

func (s *Session) foundPrivate(label string, o Object) (Key, error) {
	values, err := s.raw.Attributes(o, pkcs11.CKA_ID)
	if err != nil {
		return Key{}, err
	}
	half, err := s.raw.Find(
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_ID, values[0]))
	if err != nil {
		return Key{}, err
	}
	return s.whole(label, o, values[0], half)
}

// whole completes a private key by the one public key of its CKA_ID.
func (s *Session) whole(label string, o Object, id []byte, half []Object) (Key, error) {
	if len(half) != 1 {
		return Key{}, exitcode.Errorf(exitcode.HSM, "%d public keys belong to %s on %v instead of one",
			len(half), label, s.Token)
	}
	return s.pair(Key{Label: label, id: id, object: o, public: half[0]})
}

// pair completes a key by its public half.
func (s *Session) pair(k Key) (Key, error) {
	public, err := s.publicKey(k.public)
	if err != nil {
		return Key{}, err
	}
	k.Public = public
	k.Kind, err = keykind.Of(public)
	return k, err
}
