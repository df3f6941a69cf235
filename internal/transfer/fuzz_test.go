package transfer

import (
	"bytes"
	"crypto"
	"reflect"
	"testing"
)

// The corpus of each fuzz test is the folder of its vectors.

func FuzzParseBlob(f *testing.F) {
	for _, path := range append(vectors(f, "blob/valid/*.byok"), vectors(f, "blob/invalid/*.byok")...) {
		f.Add(read(f, path))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBlob("f", data)
		if err != nil {
			return
		}
		canonical, err := b.Marshal()
		if err != nil {
			t.Fatalf("what parses does not encode: %v", err)
		}
		again, err := ParseBlob("f", canonical)
		if err != nil || !reflect.DeepEqual(again, b) {
			t.Fatalf("%+v is then %+v, %v", b, again, err)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	for _, path := range append(vectors(f, "manifest/valid/*.json"), vectors(f, "manifest/invalid/*.json")...) {
		f.Add(read(f, path))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest("f", data)
		if err != nil {
			return
		}
		if again, err := m.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("re-encodes otherwise: %v\n%s", err, again)
		}
	})
}

func FuzzParsePublicKey(f *testing.F) {
	for _, path := range append(vectors(f, "publickey/valid/*.pem"), vectors(f, "publickey/invalid/*.pem")...) {
		f.Add(string(read(f, path)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		pub, err := ParsePublicKey(text)
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
		if _, err := KeyOf(pub); err != nil {
			t.Fatalf("what parses cannot be described: %v", err)
		}
	})
}

func FuzzParseKeyID(f *testing.F) {
	for _, v := range append(pairs(f, "testdata/keyid/valid.tsv"), pairs(f, "testdata/keyid/invalid.tsv")...) {
		f.Add(v[0])
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKeyID(text)
		if err != nil {
			return
		}
		if again, err := ParseKeyID(k.String()); err != nil || again != k {
			t.Fatalf("%+v is then %+v, %v", k, again, err)
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
