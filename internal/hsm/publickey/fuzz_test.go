package publickey

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/keykind"
)

// FuzzAttributes has a module answer with any curve and point, modulus and
// exponent: what is taken is a key that a vault may hold, and its material says
// the same again.
func FuzzAttributes(f *testing.F) {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			f.Fatal(err)
		}
		kind, err := keykind.Of(key.Public())
		if err != nil {
			f.Fatal(err)
		}
		bare, err := key.PublicKey.Bytes()
		if err != nil {
			f.Fatal(err)
		}
		der, err := asn1.Marshal(bare)
		if err != nil {
			f.Fatal(err)
		}
		bitString, err := asn1.Marshal(asn1.BitString{Bytes: bare, BitLength: 8 * len(bare)})
		if err != nil {
			f.Fatal(err)
		}
		compressed := append([]byte{2 + bare[len(bare)-1]&1}, bare[1:1+len(bare)/2]...)
		for _, point := range [][]byte{bare, der, bitString, compressed, der[:len(der)-1], bytes.Repeat([]byte{4}, len(bare)), nil} {
			f.Add(kind.ECParams(), point)
		}
	}
	modulus := bytes.Repeat([]byte{0xff}, 256)
	for _, exponent := range [][]byte{{1, 0, 1}, {3}, {0, 1, 0, 1}, {2}, {}, bytes.Repeat([]byte{0xff}, 9)} {
		f.Add(modulus, exponent)
		f.Add(append([]byte{0}, modulus...), exponent)
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if kind, err := keykind.ForECParams(a); err == nil {
			if public, err := parsePoint(kind, b); err == nil {
				holds(t, kind, public)
			}
		}
		if public, err := ParseRSA(a, b); err == nil {
			kind, err := keykind.Of(public)
			if err != nil {
				t.Fatalf("a key that no vault holds: %v", err)
			}
			holds(t, kind, public)
		}
		// Numbers and truths of any length do not end the program.
		_, _ = p11.ULong(a), p11.Truth(b)
	})
}

// holds checks that a key is of its kind, and that its material gives it again.
func holds(t *testing.T, kind keykind.Kind, public crypto.PublicKey) {
	t.Helper()
	if of, err := keykind.Of(public); err != nil || of != kind {
		t.Fatalf("a key of %v, not %v: %v", of, kind, err)
	}
	material, err := Material(public)
	if err != nil {
		t.Fatal(err)
	}
	values := map[uint][]byte{}
	for _, a := range material {
		values[a.Type] = a.Value
	}
	var again crypto.PublicKey
	if kind.Type == keykind.RSA {
		again, err = ParseRSA(values[pkcs11.CKA_MODULUS], values[pkcs11.CKA_PUBLIC_EXPONENT])
	} else {
		again, err = parsePoint(kind, values[pkcs11.CKA_EC_POINT])
	}
	if err != nil || !keykind.SamePublicKey(public, again) {
		t.Fatalf("its material is another key: %v", err)
	}
}
