// Package signing makes signatures and check values with a key of a token, in
// the forms that this project keeps them in.
//
// Use it through package hsm, which knows whose key it is.
package signing

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"math/big"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/keykind"
)

// Key is a private or secret key, by its handle.
type Key struct {
	Kind   keykind.Kind
	Object p11.Object
	Label  string // for messages
}

// Sign signs the hash of message: RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2),
// with SHA-256 alone, or ECDSA as a DER sequence (RFC 3279, section 2.2.3).
func Sign(s *p11.Session, k Key, hash crypto.Hash, message []byte) ([]byte, error) {
	h := hash.New()
	_, _ = h.Write(message) // a hash never fails
	digest := h.Sum(nil)
	if k.Kind.Type == keykind.RSA {
		digest = append(bytes.Clone(digestInfo), digest...)
	}
	if err := s.Ctx.SignInit(s.Handle, p11.Mechanism(k.Kind.Signing), k.Object); err != nil {
		return nil, p11.Fail("C_SignInit with "+k.Label, err)
	}
	sig, err := s.Ctx.Sign(s.Handle, digest)
	if err != nil {
		return nil, p11.Fail("C_Sign with "+k.Label, err)
	}
	if k.Kind.Type == keykind.RSA {
		return sig, nil
	}
	return derSignature(sig)
}

// digestInfo begins the DER of SHA-256's DigestInfo (RFC 8017, section 9.2,
// note 1): the digest of every RSA kind.
var digestInfo = []byte{
	0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
}

// derSignature encodes r and s, which CKM_ECDSA returns side by side.
func derSignature(raw []byte) ([]byte, error) {
	half := len(raw) / 2
	return asn1.Marshal([]*big.Int{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])})
}

// CheckValue encrypts the zero block with an AES key in ECB mode: 16 bytes, the
// first three of which are PKCS#11's CKA_CHECK_VALUE (v2.40, section 4.10.2).
func CheckValue(s *p11.Session, k Key) ([]byte, error) {
	if err := s.Ctx.EncryptInit(s.Handle, p11.Mechanism(pkcs11.CKM_AES_ECB), k.Object); err != nil {
		return nil, p11.Fail("C_EncryptInit with "+k.Label, err)
	}
	value, err := s.Ctx.Encrypt(s.Handle, make([]byte, 16))
	if err != nil {
		return nil, p11.Fail("C_Encrypt with "+k.Label, err)
	}
	return value, nil
}
