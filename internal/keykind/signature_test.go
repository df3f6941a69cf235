package keykind

import (
	"crypto"
	"testing"
)

const mismatch = "the signature does not belong to this content and this public key"

func TestVerifySignature(t *testing.T) {
	for _, path := range vectors(t, "signature/valid/*.json") {
		text, message, sig := readSignature(t, path)
		pub := must[crypto.PublicKey](t)(ParsePublicKey(text))
		if err := VerifySignature(pub, message, sig); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, command := range []string{"dgst", "pkeyutl"} {
			if !opensslVerifies(t, command, text, message, sig) {
				t.Errorf("%s: openssl %s does not verify it", path, command)
			}
		}
	}
}

func TestVerifySignatureRefuses(t *testing.T) {
	for _, path := range vectors(t, "signature/invalid/*.json") {
		text, message, sig := readSignature(t, path)
		pub := must[crypto.PublicKey](t)(ParsePublicKey(text))
		refused(t, path, VerifySignature(pub, message, sig), mismatch)
		if opensslVerifies(t, "pkeyutl", text, message, sig) {
			t.Errorf("%s: openssl verifies it", path)
		}
	}
}

// One bit is turned in each byte of an ECDSA signature, in every few of an RSA one.
func TestVerifySignatureFlips(t *testing.T) {
	flipped, caught := 0, 0
	for _, path := range vectors(t, "signature/valid/*.json") {
		text, message, sig := readSignature(t, path)
		pub := must[crypto.PublicKey](t)(ParsePublicKey(text))
		for i := 0; i < len(sig); i += 1 + len(sig)/128 {
			sig[i] ^= 1 << (i % 8)
			flipped++
			if VerifySignature(pub, message, sig) != nil {
				caught++
			}
			sig[i] ^= 1 << (i % 8)
		}
	}
	t.Logf("%d of %d caught", caught, flipped)
	if caught != flipped {
		t.Errorf("%d flipped bits were not noticed", flipped-caught)
	}
}

func TestVerifyPossession(t *testing.T) {
	for _, path := range vectors(t, "possession/valid/*.json") {
		text, message, sig := readSignature(t, path)
		pub := must[crypto.PublicKey](t)(ParsePublicKey(text))
		if err := VerifyPossession(pub, message, sig); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A signature over another digest than the kind's is refused, although it is
// the key's own.
func TestVerifyPossessionRefuses(t *testing.T) {
	for _, path := range vectors(t, "possession/invalid/*.json") {
		text, message, sig := readSignature(t, path)
		pub := must[crypto.PublicKey](t)(ParsePublicKey(text))
		refused(t, path, VerifyPossession(pub, message, sig), mismatch)
	}
}
