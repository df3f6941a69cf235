// Package keyset makes the two keys of a new card set: KNSO, which signs the
// world's statements, and KM, under which backups are wrapped.
//
// [Set.Seal] their private halves under the world secret of the cards, and wipe
// the set: package session opens what was sealed. In clear they exist only here,
// and inside secret.Erased.
package keyset

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"

	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/statement"
)

// Set is a new KNSO and KM.
type Set struct {
	HKNSO    fingerprint.Sum
	knso, km *secret.Bytes // PKCS#8
	public   struct{ knso, km string }
}

// New generates KNSO (EC P-256, FIPS 186-5) and KM (RSA-3072, exponent
// 65537).
func New() (k *Set, err error) {
	k = &Set{}
	secret.Erased(func() { err = k.generate() })
	if err != nil {
		k.Wipe()
		return nil, err
	}
	return k, nil
}

func (k *Set) generate() error {
	knso, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	km, err := rsa.GenerateKey(rand.Reader, statement.KMBits)
	if err != nil {
		return err
	}
	if k.knso, err = pkcs8(knso); err != nil {
		return err
	}
	if k.km, err = pkcs8(km); err != nil {
		return err
	}
	if k.public.knso, err = keykind.MarshalPublicKey(&knso.PublicKey); err != nil {
		return err
	}
	if k.public.km, err = keykind.MarshalPublicKey(&km.PublicKey); err != nil {
		return err
	}
	k.HKNSO, err = keykind.SPKIHash(&knso.PublicKey)
	return err
}

func pkcs8(key any) (*secret.Bytes, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return secret.Take(der), nil
}

// Wipe wipes the private halves.
func (k *Set) Wipe() {
	k.knso.Wipe()
	k.km.Wipe()
}

// Seal wraps the private halves under the world secret of their card set.
func (k *Set) Seal(s *quorum.Secret, set quorum.CardSet) (knso, km statement.SealedKey, err error) {
	at := set.Context()
	knso.PublicKey, km.PublicKey = k.public.knso, k.public.km
	if knso.Sealed, err = quorum.Seal(s, at, quorum.PurposeSealKNSO, k.knso); err != nil {
		return knso, km, err
	}
	km.Sealed, err = quorum.Seal(s, at, quorum.PurposeSealKM, k.km)
	return knso, km, err
}
