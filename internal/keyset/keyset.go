// Package keyset makes the two keys of a new card set: KNSO, which signs the
// world's statements, and KM, under which backups are wrapped.
//
// [Set.Seal] their private halves under the world secret of the cards, and wipe
// the set: package session opens what was sealed. In clear they exist only here,
// and inside secret.Erased.
package keyset

import (
	"cmp"
	"crypto"
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
	}
	return k, err
}

func (k *Set) generate() error {
	knso, first := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	km, second := rsa.GenerateKey(rand.Reader, statement.KMBits)
	if err := cmp.Or(first, second); err != nil {
		return err
	}
	k.HKNSO, first = keykind.SPKIHash(&knso.PublicKey)
	return cmp.Or(first, take(knso, &k.knso, &k.public.knso), take(km, &k.km, &k.public.km))
}

// take keeps a key: its private half as PKCS#8, its public half as statements have it.
func take(key crypto.Signer, private **secret.Bytes, public *string) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	*private = secret.Take(der)
	*public, err = keykind.MarshalPublicKey(key.Public())
	return err
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
