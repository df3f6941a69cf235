package keykind

import (
	"bytes"
	"crypto"

	"byok/internal/fingerprint"
)

// SPKIHash returns the SHA-256 of the key's DER SubjectPublicKeyInfo: the
// fingerprint of a KEK, and hknso for KNSO.
func SPKIHash(pub crypto.PublicKey) (fingerprint.Sum, error) {
	der, err := MarshalSPKI(pub)
	if err != nil {
		return fingerprint.Sum{}, err
	}
	return fingerprint.Of(der), nil
}

// SamePublicKey reports whether a and b are the same valid key of a kind in
// the table. A key that is not valid is the same as none, not even itself.
func SamePublicKey(a, b crypto.PublicKey) bool {
	first, errFirst := MarshalSPKI(a)
	second, errSecond := MarshalSPKI(b)
	return errFirst == nil && errSecond == nil && bytes.Equal(first, second)
}
