package softkey

import (
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"byok/internal/rehearsal/wire"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// TestSecp256k1Refusals: the one structure that crypto/x509 does not read.
func TestSecp256k1Refusals(t *testing.T) {
	order := secp256k1.Params().N.Bytes()
	for _, c := range []struct {
		version int
		scalar  []byte
		tail    []byte
		want    string
	}{
		{2, make([]byte, 32), nil, "the unwrapped bytes are not an EC private key"},
		{1, make([]byte, 32), []byte{0}, "the unwrapped bytes are not an EC private key"},
		{1, make([]byte, 31), nil, "the unwrapped secp256k1 key is not 32 bytes long"},
		{1, make([]byte, 32), nil, "not a private key on secp256k1"},
		{1, order, nil, "not a private key on secp256k1"},
	} {
		inner, err := asn1.Marshal(ecPrivateKey{Version: c.version, PrivateKey: c.scalar})
		if err != nil {
			t.Fatal(err)
		}
		curve, err := asn1.Marshal(oidSecp256k1)
		if err != nil {
			t.Fatal(err)
		}
		der, err := asn1.Marshal(privateKeyInfo{
			Algorithm:  pkix.AlgorithmIdentifier{Algorithm: oidECPublicKey, Parameters: asn1.RawValue{FullBytes: curve}},
			PrivateKey: append(inner, c.tail...),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParsePKCS8(der); err == nil || err.Error() != c.want {
			t.Errorf("version %d, scalar %x: %v", c.version, c.scalar, err)
		}
	}
}

// FuzzParsePKCS8 holds that a key that parses is stored and read back the same.
func FuzzParsePKCS8(f *testing.F) {
	for _, seed := range pkcs8Seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		m, err := ParsePKCS8(der)
		if err != nil {
			return
		}
		var public, again wire.Key
		m.Describe(&public)
		back, err := Decode(m.Kind()+"-HSM", public.Curve, m.Private())
		if err != nil {
			t.Fatal(err)
		}
		back.Describe(&again)
		if fmt.Sprint(public) != fmt.Sprint(again) || sha256.Sum256(m.Private()) != sha256.Sum256(back.Private()) {
			t.Errorf("%v became %v", public, again)
		}
	})
}

// pkcs8Seeds are keys made by openssl, one of each kind the service takes and
// one it does not.
func pkcs8Seeds(t testing.TB) (seeds [][]byte) {
	t.Helper()
	paths, err := filepath.Glob("../testdata/pkcs8/*.der")
	if err != nil || len(paths) < 8 {
		t.Fatalf("../testdata/pkcs8 has %d keys (%v): expected at least 8", len(paths), err)
	}
	for _, path := range paths {
		der, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, der)
	}
	return seeds
}
