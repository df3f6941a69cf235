package statement

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"

	"byok/internal/fingerprint"
	"byok/internal/keykind"
)

// SealedKey is a key pair of a card set: the public half in PEM, and the
// private half as PKCS#8, wrapped as in RFC 5649 under a key derived from the
// world secret, base64.
type SealedKey struct {
	PublicKey string `json:"public_key"`
	Sealed    string `json:"sealed"`
}

// Signer returns the public half as KNSO's: EC P-256.
func (k SealedKey) Signer() (*ecdsa.PublicKey, error) { return signingKey(k.PublicKey) }

// signingKey reads an EC P-256 public key in PEM.
func signingKey(pem string) (*ecdsa.PublicKey, error) {
	public, err := keykind.ParsePublicKey(pem)
	if err != nil {
		return nil, err
	}
	ec, ok := public.(*ecdsa.PublicKey)
	if !ok || ec.Curve != elliptic.P256() {
		return nil, errors.New("expected an EC P-256 key")
	}
	return ec, nil
}

// ModuleKey returns the public half as KM's: RSA-3072 with exponent 65537.
func (k SealedKey) ModuleKey() (*rsa.PublicKey, error) {
	public, err := keykind.ParsePublicKey(k.PublicKey)
	if err != nil {
		return nil, err
	}
	km, ok := public.(*rsa.PublicKey)
	if !ok || km.N.BitLen() != KMBits || km.E != 65537 {
		return nil, fmt.Errorf("expected RSA-%d with exponent 65537", KMBits)
	}
	return km, nil
}

// KMBits is the size of the module key's modulus in bits.
const KMBits = 3072

// Hash is the SHA-256 of the public half's SubjectPublicKeyInfo.
func (k SealedKey) Hash() (fingerprint.Sum, error) {
	public, err := keykind.ParsePublicKey(k.PublicKey)
	if err != nil {
		return fingerprint.Sum{}, err
	}
	return keykind.SPKIHash(public)
}
