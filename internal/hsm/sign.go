package hsm

import (
	"bytes"
	"crypto"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/signing"
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
	return signing.Sign(s.raw, signing.Key{Kind: k.Kind, Object: k.object, Label: k.Label}, hash, message)
}

// Proves proves, with this handle, that k is the key known by want: it signs a
// fresh challenge that verifies under the public key, or enciphers a fixed
// block to the check value. Another key is an error with the status Check.
func (s *Session) Proves(k Key, want Identity) error {
	if k.secret() {
		return s.provesValue(k, want.CheckValue)
	}
	challenge := keykind.PossessionText("handle", fingerprint.Of(p11.Random(32)))
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
