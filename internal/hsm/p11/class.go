package p11

import (
	"fmt"

	"github.com/miekg/pkcs11"
)

// Class is an object's CKA_CLASS (CKO_…).
type Class uint

// The classes of keys.
const (
	PublicKey  Class = pkcs11.CKO_PUBLIC_KEY
	PrivateKey Class = pkcs11.CKO_PRIVATE_KEY
	SecretKey  Class = pkcs11.CKO_SECRET_KEY
)

// classNames are those of all standard classes (PKCS#11 v3.1, section 4).
var classNames = []string{
	"data object", "certificate", "public key", "private key", "secret key", "hardware feature",
	"domain parameters", "mechanism", "OTP key", "profile",
}

// String returns the class's name in messages, such as "public key".
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("object of class 0x%X", uint(c))
}

// IsKey reports whether objects of the class are keys.
func (c Class) IsKey() bool { return c == PublicKey || c == PrivateKey || c == SecretKey }

// HoldsSecrets reports whether objects of the class may hold or wrap a key, so
// that a token with one is not empty: keys and data objects.
func (c Class) HoldsSecrets() bool { return c.IsKey() || c == pkcs11.CKO_DATA }

// Place is where an object lives.
type Place int

// The places. A session object ends with its session, also after a crash.
const (
	TokenObject Place = iota
	SessionObject
)

// String returns the place in messages: token or session.
func (p Place) String() string { return [...]string{"token", "session"}[p] }
