package keykind

import (
	"bytes"
	"crypto"
	"testing"
)

// The corpus of each fuzz test is the folder of its vectors.

func FuzzParsePublicKey(f *testing.F) {
	for _, path := range append(vectors(f, "publickey/valid/*.pem"), vectors(f, "publickey/invalid/*.pem")...) {
		f.Add(string(read(f, path)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		pub, err := ReadPublicKey(text)
		if err != nil {
			return
		}
		canonical, err := MarshalPublicKey(pub)
		if err != nil {
			t.Fatalf("what parses does not encode: %v", err)
		}
		again, err := ParsePublicKey(canonical)
		if err != nil || !SamePublicKey(again, pub) {
			t.Fatalf("the canonical form is another key: %v", err)
		}
	})
}

func FuzzParseSPKI(f *testing.F) {
	for _, path := range append(vectors(f, "publickey/valid/*.pem"), vectors(f, "publickey/invalid/*.pem")...) {
		f.Add(derOf(read(f, path)))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		pub, err := ParseSPKI(der)
		if err != nil {
			return
		}
		if again, err := MarshalSPKI(pub); err != nil || !bytes.Equal(again, der) {
			t.Fatalf("re-encodes otherwise: %v\n%x", err, again)
		}
		if _, err := SPKIHash(pub); err != nil {
			t.Fatalf("what parses cannot be described: %v", err)
		}
	})
}

// A signature that verifies has one encoding: whatever the fuzzer makes of it
// must fail, and nothing may panic.
func FuzzVerifySignature(f *testing.F) {
	known := map[string]bool{}
	for _, path := range append(vectors(f, "signature/valid/*.json"), vectors(f, "signature/invalid/*.json")...) {
		text, message, sig := readSignature(f, path)
		pub := must[crypto.PublicKey](f)(ParsePublicKey(text))
		known[text+string(message)+string(sig)] = VerifySignature(pub, message, sig) == nil
		f.Add(text, message, sig)
	}
	f.Fuzz(func(t *testing.T, text string, message, sig []byte) {
		pub, err := ParsePublicKey(text)
		if err != nil {
			return
		}
		valid := VerifySignature(pub, message, sig) == nil
		canonical := must[string](t)(MarshalPublicKey(pub))
		if valid && !known[canonical+string(message)+string(sig)] {
			t.Fatal("a new signature verifies")
		}
	})
}
