package transfer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// curveP256K is the service's name for what JOSE (RFC 8812, section 3.1) and
// OpenSSL call secp256k1.
const curveP256K = "P-256K"

// CurveName gives the service's name of the key's curve: P-256, P-384, P-521
// or P-256K.
func CurveName(pub *ecdsa.PublicKey) (string, error) {
	if pub == nil || pub.Curve == nil {
		return "", errors.New("public key: EC without a curve")
	}
	switch pub.Curve {
	case elliptic.P256(), elliptic.P384(), elliptic.P521():
		return pub.Curve.Params().Name, nil
	case secp256k1.S256():
		return curveP256K, nil
	}
	return "", fmt.Errorf("public key: curve %.40q: %s", pub.Curve.Params().Name, takenKeys)
}

// CurveByName is the inverse of CurveName. It takes secp256k1 and SECP256K1 for
// P-256K as well: clients have stored keys under those names.
func CurveByName(name string) (elliptic.Curve, error) {
	switch name {
	case "P-256":
		return elliptic.P256(), nil
	case "P-384":
		return elliptic.P384(), nil
	case "P-521":
		return elliptic.P521(), nil
	case curveP256K, "secp256k1", "SECP256K1":
		return secp256k1.S256(), nil
	}
	return nil, fmt.Errorf("curve %.40q: the service takes P-256, P-384, P-521 and P-256K", name)
}

// SPKIHash is the SHA-256 of the key's DER SubjectPublicKeyInfo: the
// fingerprint of a KEK, and hknso for KNSO.
func SPKIHash(pub crypto.PublicKey) ([32]byte, error) {
	der, err := MarshalSPKI(pub)
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(der), nil
}

// SamePublicKey tells whether a and b are the same key, of a kind the service
// takes. Keys that are not valid are the same as none.
func SamePublicKey(a, b crypto.PublicKey) bool {
	first, errFirst := MarshalSPKI(a)
	second, errSecond := MarshalSPKI(b)
	return errFirst == nil && errSecond == nil && bytes.Equal(first, second)
}

// Thumbprint is the RFC 7638 SHA-256 thumbprint of the key as a JSON Web Key,
// in base64url without padding: 43 characters.
func Thumbprint(pub crypto.PublicKey) (string, error) {
	jwk, err := canonicalJWK(pub)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(jwk))
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// canonicalJWK has the required members only, in the order of their names and
// without white space (RFC 7638, section 3.2).
func canonicalJWK(pub crypto.PublicKey) (string, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch key := pub.(type) {
	case *rsa.PublicKey:
		if err := checkRSA(key); err != nil {
			return "", err
		}
		e := big.NewInt(int64(key.E)).Bytes()
		return fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, b64(e), b64(key.N.Bytes())), nil
	case *ecdsa.PublicKey:
		point, err := encodePoint(key)
		if err != nil {
			return "", err
		}
		crv := key.Curve.Params().Name // JOSE's names, RFC 8812 included
		x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
		return fmt.Sprintf(`{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, crv, b64(x), b64(y)), nil
	}
	return "", fmt.Errorf("public key of type %T: %s", pub, takenKeys)
}
