//lint:file-ignore SA1019 these keys are wrong in coordinates that PublicKey.Bytes would refuse to give

package keykind

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"
	"path/filepath"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"byok/internal/fingerprint"
)

func TestParsePublicKey(t *testing.T) {
	for _, path := range vectors(t, "publickey/valid/*.pem") {
		text := string(read(t, path))
		pub, err := ParsePublicKey(text)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if again, err := MarshalPublicKey(pub); err != nil || again != text {
			t.Errorf("%s re-encodes otherwise: %v\n%s", path, err, again)
		}
		windows := "\r\n" + strings.ReplaceAll(text, "\n", "\r\n") + " "
		if same, err := ReadPublicKey(windows); err != nil || !SamePublicKey(same, pub) {
			t.Errorf("%s with Windows line ends: %v", path, err)
		}
		for name, other := range map[string]string{"Windows line ends": windows, "no final newline": text[:len(text)-1], "two": text + "\n"} {
			_, err := ParsePublicKey(other)
			refused(t, path+": "+name, err, "public key: expected PEM of 64 characters a line and a final newline")
		}
	}
}

func TestParsePublicKeyRefuses(t *testing.T) {
	for _, path := range vectors(t, "publickey/invalid/*.pem") {
		text := string(read(t, path))
		pub, err := ParsePublicKey(text)
		refused(t, path, err, wanted(t, path))
		if pub != nil {
			t.Errorf("%s: gives a key beside its error", path)
		}
		// A fault inside the DER is told by ParseSPKI in the same words.
		if der := derOf([]byte(text)); der != nil {
			_, err := ParseSPKI(der)
			refused(t, path, err, wanted(t, path))
		}
	}
}

func TestIdentities(t *testing.T) {
	for _, path := range vectors(t, "publickey/valid/*.sha256") {
		pub := publicKey(t, filepath.Base(strings.TrimSuffix(path, ".sha256")))
		hash := must[fingerprint.Sum](t)(SPKIHash(pub))
		if got := hash.String(); got != string(read(t, path)) {
			t.Errorf("%s: SHA-256 %s", path, got)
		}
	}
}

func TestSamePublicKey(t *testing.T) {
	paths := vectors(t, "publickey/valid/*.pem")
	for i, a := range paths {
		for j, b := range paths {
			first := must[crypto.PublicKey](t)(ParsePublicKey(string(read(t, a))))
			second := must[crypto.PublicKey](t)(ParsePublicKey(string(read(t, b))))
			if SamePublicKey(first, second) != (i == j) {
				t.Errorf("%s and %s: the same is %t", a, b, i != j)
			}
		}
	}
	if SamePublicKey(nil, nil) || SamePublicKey(&rsa.PublicKey{}, &rsa.PublicKey{}) {
		t.Error("what is not a key is the same key")
	}
}

// Keys come from vaults and tokens too, number by number.
func TestInvalidKeysAreRefusedEverywhere(t *testing.T) {
	n := publicKey(t, "rsa2048").(*rsa.PublicKey).N
	nist, k256 := publicKey(t, "p256").(*ecdsa.PublicKey), publicKey(t, "p256k").(*ecdsa.PublicKey)
	negative, huge := new(big.Int).Neg(n), new(big.Int).Lsh(big.NewInt(1), 600)
	takes := ": the service imports RSA of 2048, 3072 or 4096 bits and EC on P-256, P-384, P-521 or P-256K"
	for name, c := range map[string]struct {
		pub  crypto.PublicKey
		want string
	}{
		"nil":               {nil, "public key of type <nil>" + takes},
		"Ed25519":           {ed25519.PublicKey(make([]byte, 32)), "public key of type ed25519.PublicKey" + takes},
		"by value":          {rsa.PublicKey{N: n, E: 3}, "public key of type rsa.PublicKey" + takes},
		"RSA nil":           {(*rsa.PublicKey)(nil), "public key: RSA without a modulus"},
		"RSA empty":         {&rsa.PublicKey{}, "public key: RSA without a modulus"},
		"RSA negative":      {&rsa.PublicKey{N: negative, E: 65537}, "public key: the RSA modulus is not an odd positive number"},
		"RSA exponent":      {&rsa.PublicKey{N: n, E: -3}, "public key: RSA exponent -3: expected an odd number from 3 to 2147483647"},
		"RSA small":         {&rsa.PublicKey{N: big.NewInt(15), E: 3}, "public key: RSA key of 4 bits: expected 2048, 3072 or 4096"},
		"EC nil":            {(*ecdsa.PublicKey)(nil), "public key: EC without a curve"},
		"EC empty":          {&ecdsa.PublicKey{}, "public key: EC without a curve"},
		"EC no point":       {&ecdsa.PublicKey{Curve: elliptic.P256()}, "public key: the point is not on P-256"},
		"EC P-224":          {&ecdsa.PublicKey{Curve: elliptic.P224(), X: nist.X, Y: nist.Y}, `public key: curve "P-224"` + takes},
		"EC off curve":      {&ecdsa.PublicKey{Curve: elliptic.P384(), X: nist.X, Y: nist.Y}, "public key: the point is not on P-384"},
		"EC negative":       {&ecdsa.PublicKey{Curve: elliptic.P256(), X: negative, Y: nist.Y}, "public key: the point is not on P-256"},
		"EC huge":           {&ecdsa.PublicKey{Curve: elliptic.P521(), X: huge, Y: nist.Y}, "public key: the point is not on P-521"},
		"P-256K zero":       {&ecdsa.PublicKey{Curve: k256.Curve, X: new(big.Int), Y: new(big.Int)}, "public key: the point is not on P-256K"},
		"P-256K no Y":       {&ecdsa.PublicKey{Curve: k256.Curve, X: k256.X}, "public key: the point is not on P-256K"},
		"P-256K huge":       {&ecdsa.PublicKey{Curve: k256.Curve, X: huge, Y: k256.Y}, "public key: the point is not on P-256K"},
		"P-256K plus prime": {&ecdsa.PublicKey{Curve: k256.Curve, X: new(big.Int).Add(k256.X, secp256k1.Params().P), Y: k256.Y}, "public key: the point is not on P-256K"},
		"P-256K off curve":  {&ecdsa.PublicKey{Curve: k256.Curve, X: nist.X, Y: nist.Y}, "public key: the point is not on P-256K"},
	} {
		for entry, err := range everyKeyEntry(c.pub) {
			refused(t, name+": "+entry, err, c.want)
		}
		if SamePublicKey(c.pub, c.pub) {
			t.Errorf("%s is the same key as itself", name)
		}
	}
}

func everyKeyEntry(pub crypto.PublicKey) map[string]error {
	_, spki := MarshalSPKI(pub)
	_, text := MarshalPublicKey(pub)
	_, hash := SPKIHash(pub)
	_, kind := Of(pub)
	return map[string]error{
		"MarshalSPKI": spki, "MarshalPublicKey": text, "SPKIHash": hash,
		"Of":               kind,
		"VerifySignature":  VerifySignature(pub, nil, nil),
		"VerifyPossession": VerifyPossession(pub, nil, nil),
	}
}
