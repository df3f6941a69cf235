package hsm

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"math/big"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm/p11"
	"byok/internal/keykind"
)

// Sign signs the SHA-256 of message: RSASSA-PKCS1-v1_5 (RFC 8017, section
// 8.2) or ECDSA as a DER sequence (RFC 3279, section 2.2.3), which is what
// openssl dgst -sha256 -verify checks.
func (s *Session) Sign(k Key, message []byte) ([]byte, error) {
	return s.sign(k, crypto.SHA256, message)
}

// SignPossession is Sign with the digest of the key's kind: SHA-384 for P-384,
// SHA-512 for P-521, SHA-256 for the others.
func (s *Session) SignPossession(k Key, message []byte) ([]byte, error) {
	return s.sign(k, k.Kind.Digest, message)
}

func (s *Session) sign(k Key, hash crypto.Hash, message []byte) ([]byte, error) {
	h := hash.New()
	_, _ = h.Write(message) // a hash never fails
	digest := h.Sum(nil)
	if k.Kind.Type == keykind.RSA {
		digest = append(bytes.Clone(digestInfo), digest...)
	}
	if err := s.raw.Ctx.SignInit(s.raw.Handle, p11.Mechanism(k.Kind.Signing), k.object); err != nil {
		return nil, p11.Fail("C_SignInit with "+k.Label, err)
	}
	sig, err := s.raw.Ctx.Sign(s.raw.Handle, digest)
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

// Proves proves, with this handle, that k is the key known by want: it signs a
// fresh challenge that verifies under the public key, or enciphers a fixed
// block to the check value. Another key is an error with the status Check.
func (s *Session) Proves(k Key, want Identity) error {
	if k.secret() {
		return s.provesValue(k, want.CheckValue)
	}
	challenge := challenge()
	sig, err := s.SignPossession(k, challenge)
	if err != nil {
		return err
	}
	if keykind.VerifyPossession(want.Public, challenge, sig) != nil {
		return s.otherKey(k, "public key")
	}
	return nil
}

func (s *Session) provesValue(k Key, want []byte) error {
	got, err := s.CheckValue(k)
	if err != nil {
		return err
	}
	if len(want) != 16 || !bytes.Equal(got, want) {
		return s.otherKey(k, "check value")
	}
	return nil
}

func (s *Session) otherKey(k Key, by string) error {
	return exitcode.Errorf(exitcode.Check, "%s on %v is not the key that its %s describes", k.Label, s.Token, by)
}

// challenge is what a key signs to prove itself to this process: of 32 random
// bytes.
func challenge() []byte { return keykind.PossessionText("handle", fingerprint.Of(p11.Random(32))) }
