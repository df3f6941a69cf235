package hsm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// Key is a private or secret key on the token.
type Key struct {
	Label  string
	Secret bool             // AES: no public half
	Bits   int              // AES only
	Public crypto.PublicKey // *rsa.PublicKey or *ecdsa.PublicKey; nil for AES

	id     []byte
	object Object
}

// FindKey returns the key with the label, with its public half.
func (u *User) FindKey(label string) (Key, error) {
	private, err := u.Find(pkcs11.CKO_PRIVATE_KEY, label)
	if notThere(err) {
		return u.findSecret(label, err)
	}
	if err != nil {
		return Key{}, err
	}
	id, err := u.bytes(private, pkcs11.CKA_ID)
	if err != nil {
		return Key{}, err
	}
	public, err := u.publicHalf(label, id)
	return Key{Label: label, Public: public, id: id, object: private}, err
}

func (u *User) findSecret(label string, absent error) (Key, error) {
	o, err := u.Find(pkcs11.CKO_SECRET_KEY, label)
	if notThere(err) {
		return Key{}, absent
	}
	if err != nil {
		return Key{}, err
	}
	id, err := u.bytes(o, pkcs11.CKA_ID)
	if err != nil {
		return Key{}, err
	}
	size, err := u.bytes(o, pkcs11.CKA_VALUE_LEN)
	return Key{Label: label, Secret: true, Bits: int(ulong(size)) * 8, id: id, object: o}, err
}

// publicHalf reads the public key object with the same CKA_ID. A transfer
// copy has none of its own: it shares its original's.
func (u *User) publicHalf(label string, id []byte) (crypto.PublicKey, error) {
	found, err := u.find(
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_ID, id))
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, exitcode.Errorf(exitcode.HSM, "%d public keys belong to %s on %v, one was expected", len(found), label, u.Token)
	}
	return u.publicKey(found[0])
}

// Sign signs the SHA-256 of message: RSASSA-PKCS1-v1_5 (RFC 8017, section
// 8.2) or ECDSA as a DER sequence (RFC 3279, section 2.2.3), which is what
// openssl dgst -sha256 -verify checks.
func (u *User) Sign(k Key, message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	if ec, ok := k.Public.(*ecdsa.PublicKey); ok && ec.Curve == curveP256K.curve {
		return u.signP256K(k, digest[:])
	}
	found, err := u.c11.FindKeyPairs(k.id, []byte(k.Label))
	if err != nil {
		return nil, fail("finding "+k.Label, rootCause(err))
	}
	if len(found) != 1 {
		return nil, exitcode.Errorf(exitcode.HSM, "%d key pairs are %s on %v, one was expected", len(found), k.Label, u.Token)
	}
	sig, err := found[0].Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fail("signing with "+k.Label, rootCause(err))
	}
	return sig, nil
}

func (u *User) signP256K(k Key, digest []byte) ([]byte, error) {
	if err := u.p.SignInit(u.h, mechanism(pkcs11.CKM_ECDSA), k.object); err != nil {
		return nil, fail("C_SignInit with "+k.Label, err)
	}
	raw, err := u.p.Sign(u.h, digest)
	if err != nil {
		return nil, fail("C_Sign with "+k.Label, err)
	}
	half := len(raw) / 2
	return asn1.Marshal([]*big.Int{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])})
}

// CheckValue encrypts the zero block with an AES key in ECB mode: 16 bytes,
// whose first three are PKCS#11's CKA_CHECK_VALUE (v2.40, section 4.10.2).
func (u *User) CheckValue(k Key) ([]byte, error) {
	if err := u.p.EncryptInit(u.h, mechanism(pkcs11.CKM_AES_ECB), k.object); err != nil {
		return nil, fail("C_EncryptInit with "+k.Label, err)
	}
	value, err := u.p.Encrypt(u.h, make([]byte, 16))
	if err != nil {
		return nil, fail("C_Encrypt with "+k.Label, err)
	}
	return value, nil
}

// Permissions lists the boolean attributes of the key that are true, by their
// PKCS#11 names without CKA_, sorted.
func (u *User) Permissions(k Key) ([]string, error) {
	var names []string
	for name, attribute := range permissionAttributes() {
		on, err := u.flag(k.object, attribute)
		if err != nil {
			return nil, err
		}
		if on {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func permissionAttributes() map[string]uint {
	return map[string]uint{
		"SENSITIVE": pkcs11.CKA_SENSITIVE, "EXTRACTABLE": pkcs11.CKA_EXTRACTABLE, "WRAP_WITH_TRUSTED": pkcs11.CKA_WRAP_WITH_TRUSTED,
		"TRUSTED": pkcs11.CKA_TRUSTED, "SIGN": pkcs11.CKA_SIGN, "SIGN_RECOVER": pkcs11.CKA_SIGN_RECOVER, "VERIFY": pkcs11.CKA_VERIFY,
		"ENCRYPT": pkcs11.CKA_ENCRYPT, "DECRYPT": pkcs11.CKA_DECRYPT, "WRAP": pkcs11.CKA_WRAP, "UNWRAP": pkcs11.CKA_UNWRAP,
		"DERIVE": pkcs11.CKA_DERIVE, "MODIFIABLE": pkcs11.CKA_MODIFIABLE, "LOCAL": pkcs11.CKA_LOCAL,
		"ALWAYS_SENSITIVE": pkcs11.CKA_ALWAYS_SENSITIVE, "NEVER_EXTRACTABLE": pkcs11.CKA_NEVER_EXTRACTABLE,
	}
}
