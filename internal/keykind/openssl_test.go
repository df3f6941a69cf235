package keykind

import (
	"crypto"
	"encoding/asn1"
	"fmt"
	"math/big"
	"path/filepath"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// keyKinds are the kinds of key the service takes, as openssl makes them.
func keyKinds() map[string][]string {
	kinds := map[string][]string{}
	for _, bits := range []int{2048, 3072, 4096} {
		kinds[fmt.Sprintf("RSA %d", bits)] = []string{"-algorithm", "RSA", "-pkeyopt", fmt.Sprintf("rsa_keygen_bits:%d", bits)}
	}
	for _, curve := range []string{"prime256v1", "secp384r1", "secp521r1", "secp256k1"} {
		kinds["EC "+curve] = []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + curve, "-pkeyopt", "ec_param_enc:named_curve"}
	}
	return kinds
}

func newKey(t *testing.T, kind []string) (path, pemText string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "key.pem")
	openssl(t, append([]string{"genpkey", "-out", path}, kind...)...)
	return path, string(openssl(t, "pkey", "-in", path, "-pubout"))
}

func TestOpensslPublicKeys(t *testing.T) {
	for name, kind := range keyKinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, text := newKey(t, kind)
			pub := must[crypto.PublicKey](t)(ParsePublicKey(text))
			if again := must[string](t)(MarshalPublicKey(pub)); again != text {
				t.Errorf("openssl writes\n%s\nwe write\n%s", text, again)
			}
			der := openssl(t, "pkey", "-in", path, "-pubout", "-outform", "DER")
			if ours := must[[]byte](t)(MarshalSPKI(pub)); string(ours) != string(der) {
				t.Errorf("openssl writes %x, we write %x", der, ours)
			}
			judgeSignatures(t, path, text, pub)
		})
	}
}

func judgeSignatures(t *testing.T, keyPath, pemText string, pub crypto.PublicKey) {
	t.Helper()
	for i := range 4 {
		message := fmt.Appendf(nil, "manifest %d", i)
		sig := openssl(t, "dgst", "-sha256", "-sign", keyPath, write(t, message))
		if err := VerifySignature(pub, message, sig); err != nil || !opensslVerifies(t, "dgst", pemText, message, sig) {
			t.Errorf("signature %x of openssl: %v", sig, err)
		}
		refused(t, "another message", VerifySignature(pub, append(message, '.'), sig), mismatch)
	}
}

// HSMs give either of the two signatures (r, s) and (r, n-s).
func TestOpensslHighS(t *testing.T) {
	path, text := newKey(t, keyKinds()["EC secp256k1"])
	pub := must[crypto.PublicKey](t)(ParsePublicKey(text))
	message := []byte("manifest")
	for range 8 {
		var parts struct{ R, S *big.Int }
		sig := openssl(t, "dgst", "-sha256", "-sign", path, write(t, message))
		if _, err := asn1.Unmarshal(sig, &parts); err != nil {
			t.Fatal(err)
		}
		parts.S.Sub(secp256k1.Params().N, parts.S)
		twin := must[[]byte](t)(asn1.Marshal(parts))
		for _, sig := range [][]byte{sig, twin} {
			if err := VerifySignature(pub, message, sig); err != nil || !opensslVerifies(t, "dgst", text, message, sig) {
				t.Errorf("%x: %v", sig, err)
			}
		}
	}
}
