package keykind

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"

	"byok/internal/base64url"
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

// Thumbprint returns the SHA-256 thumbprint (RFC 7638) of the key as a JSON
// Web Key, in base64url without padding: 43 characters.
func Thumbprint(pub crypto.PublicKey) (string, error) {
	jwk, err := canonicalJWK(pub)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(jwk))
	return base64url.Encode(sum[:]), nil
}

// canonicalJWK has the required members only, in the order of their names and
// without white space (RFC 7638, section 3.2).
func canonicalJWK(pub crypto.PublicKey) (string, error) {
	k, err := Of(pub)
	if err != nil {
		return "", err
	}
	b64 := base64url.Encode
	if key, ok := pub.(*rsa.PublicKey); ok {
		e := big.NewInt(int64(key.E)).Bytes()
		return fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, b64(e), b64(key.N.Bytes())), nil
	}
	point, err := Point(pub.(*ecdsa.PublicKey))
	if err != nil {
		return "", err
	}
	x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
	return fmt.Sprintf(`{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, k.jose, b64(x), b64(y)), nil
}
