package transfer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"errors"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	k256 "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// VerifySignature checks sig over the SHA-256 of message: PKCS#1 v1.5 for RSA
// (RFC 8017, section 8.2.2), ECDSA in DER (RFC 3279, section 2.2.3) for every
// curve. It accepts what openssl dgst -sha256 -verify accepts, but for bytes after
// a signature, which that command does not always read.
func VerifySignature(pub crypto.PublicKey, message, sig []byte) error {
	// An invalid key must not reach the verifiers: they may panic on one.
	spki, err := MarshalSPKI(pub)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(message)
	valid := false
	switch key := pub.(type) {
	case *rsa.PublicKey:
		valid = rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], sig) == nil
	case *ecdsa.PublicKey:
		if point, found := bytes.CutPrefix(spki, []byte(spkiK256)); found {
			valid = verifyK256(point, digest[:], sig)
		} else {
			valid = ecdsa.VerifyASN1(key, digest[:], sig)
		}
	}
	if !valid {
		return errors.New("the signature does not belong to this content and this public key")
	}
	return nil
}

// verifyK256 takes both signatures of a pair: HSMs do not follow the
// blockchains' rule that s is the lower one.
func verifyK256(point, digest, sig []byte) bool {
	pub, errKey := secp256k1.ParsePubKey(point)
	signature, errSig := k256.ParseDERSignature(sig)
	return errKey == nil && errSig == nil && signature.Verify(digest, pub)
}
