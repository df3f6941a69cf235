package keykind

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256.New
	_ "crypto/sha512" // for crypto.SHA384.New and crypto.SHA512.New
	"errors"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	k256 "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// VerifySignature checks sig over the SHA-256 of message, as the project's
// files are signed: PKCS#1 v1.5 for RSA (RFC 8017, section 8.2.2), ECDSA in
// DER (RFC 3279, section 2.2.3) for every curve. It accepts what openssl dgst
// -sha256 -verify accepts, except for bytes after a signature, which that
// command does not always read.
func VerifySignature(pub crypto.PublicKey, message, sig []byte) error {
	return verify(pub, crypto.SHA256, message, sig)
}

// VerifyPossession checks a proof of possession: as [VerifySignature], but
// with the digest of the key's kind, SHA-384 for P-384 and SHA-512 for P-521.
func VerifyPossession(pub crypto.PublicKey, message, sig []byte) error {
	k, err := Of(pub)
	if err != nil {
		return err
	}
	return verify(pub, k.Digest, message, sig)
}

func verify(pub crypto.PublicKey, hash crypto.Hash, message, sig []byte) error {
	// An invalid key must not reach the verifiers: they may panic on one.
	k, err := Of(pub)
	if err != nil {
		return err
	}
	h := hash.New()
	_, _ = h.Write(message) // a hash never fails to write
	if !verifyDigest(k, pub, hash, h.Sum(nil), sig) {
		return errors.New("the signature does not belong to this content and this public key")
	}
	return nil
}

func verifyDigest(k Kind, pub crypto.PublicKey, hash crypto.Hash, digest, sig []byte) bool {
	key, isEC := pub.(*ecdsa.PublicKey)
	switch {
	case !isEC:
		return rsa.VerifyPKCS1v15(pub.(*rsa.PublicKey), hash, digest, sig) == nil
	case k.ec == p256k:
		return verifyP256K(key, digest, sig)
	}
	return ecdsa.VerifyASN1(key, digest, sig)
}

// verifyP256K accepts both signatures of a pair: HSMs do not follow the
// blockchains' rule that s is the lower one.
func verifyP256K(key *ecdsa.PublicKey, digest, sig []byte) bool {
	point, err := encodeP256K(key)
	if err != nil {
		return false
	}
	pub, errKey := secp256k1.ParsePubKey(point)
	signature, errSig := k256.ParseDERSignature(sig)
	return errKey == nil && errSig == nil && signature.Verify(digest, pub)
}
