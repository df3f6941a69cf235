package attest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Sign signs claims as an HSM's partition does, in the way of their layout, and
// returns the blob: what toolset.Attestation.PrivateKey holds.
// The key has 2048 bits. It is for rehearsals and tests: no key of theirs is
// certified by a vendor's root.
func Sign(c Claims, key *rsa.PrivateKey) ([]byte, error) {
	if key.Size() != signatureSize {
		return nil, fmt.Errorf("a partition's key has %d bits, not %d", 8*signatureSize, 8*key.Size())
	}
	body, err := c.Marshal()
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(body)
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, c.Layout.hash(), digest[:])
	if err != nil {
		return nil, err
	}
	return append(body, signature...), nil
}

// hash says what the PKCS#1 block holds: for crypto.Hash(0) the bare digest.
func (l Layout) hash() crypto.Hash {
	if l == Firmware2 {
		return crypto.Hash(0)
	}
	return crypto.SHA256
}

// checkSignature compares the whole PKCS#1 block, padding included: a check of
// the digest at its end alone could be met by choosing the rest.
func checkSignature(l Layout, key *rsa.PublicKey, body, signature []byte) error {
	digest := sha256.Sum256(body)
	if err := rsa.VerifyPKCS1v15(key, l.hash(), digest[:], signature); err != nil {
		return errors.New("the partition's key did not make this signature")
	}
	return nil
}
