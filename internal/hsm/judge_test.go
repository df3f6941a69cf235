package hsm

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"testing"

	"byok/internal/keykind"
)

// opened opens a blob for an RSA key with nothing but openssl, as a vault
// does: RSA-OAEP of an AES-256 key, then RFC 5649.
func opened(t *testing.T, private *rsa.PrivateKey, blob []byte) []byte {
	t.Helper()
	der := must[[]byte](t)(x509.MarshalPKCS8PrivateKey(private))
	key := write(t, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	outer, inner := blob[:private.Size()], blob[private.Size():]
	aes := openssl(t, "pkeyutl", "-decrypt", "-inkey", key, "-in", write(t, outer),
		"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1", "-pkeyopt", "rsa_mgf1_md:sha1")
	if len(aes) != 32 {
		t.Fatalf("the AES key has %d bytes", len(aes))
	}
	return openssl(t, "enc", "-d", "-id-aes256-wrap-pad", "-iv", "A65959A6",
		"-K", hex.EncodeToString(aes), "-in", write(t, inner))
}

// judge compares a key in clear with what the token shows of it.
func (r *rig) judge(t *testing.T, k Key, inClear []byte) {
	t.Helper()
	if k.Public == nil {
		r.judgeAES(t, k, inClear)
		return
	}
	want := publicPEM(t, k.Public)
	if got := openssl(t, "pkey", "-inform", "DER", "-in", write(t, inClear), "-pubout"); !bytes.Equal(got, want) {
		t.Errorf("the blob holds another key than the token shows: openssl reads\n%s, the token shows\n%s", got, want)
	}
}

func (r *rig) judgeAES(t *testing.T, k Key, inClear []byte) {
	t.Helper()
	value := must[[]byte](t)(r.s.CheckValue(k))
	want := openssl(t, "enc", fmt.Sprintf("-aes-%d-ecb", 8*len(inClear)), "-nopad",
		"-K", hex.EncodeToString(inClear), "-in", write(t, make([]byte, 16)))
	if !bytes.Equal(value, want) || k.Kind.Bits != 0 && k.Kind.Bits != 8*len(inClear) {
		t.Errorf("check value %x of %d bytes, openssl gives %x", value, len(inClear), want)
	}
}

// judgeSignatures has openssl check both kinds of signature.
func (r *rig) judgeSignatures(t *testing.T, k Key) {
	t.Helper()
	if k.Public == nil {
		return
	}
	message := []byte("a message")
	public := write(t, publicPEM(t, k.Public))
	for _, c := range []struct {
		digest string
		sign   func(Key, []byte) ([]byte, error)
	}{{"-sha256", r.s.Sign}, {possessionDigest(k.Kind), r.s.SignPossession}} {
		sig := must[[]byte](t)(c.sign(k, message))
		out := openssl(t, "dgst", c.digest, "-verify", public, "-signature", write(t, sig), write(t, message))
		if string(out) != "Verified OK\n" {
			t.Errorf("openssl says %q of the signature with %s", out, c.digest)
		}
	}
}

func possessionDigest(k keykind.Kind) string {
	switch k.Curve {
	case "P-384":
		return "-sha384"
	case "P-521":
		return "-sha512"
	}
	return "-sha256"
}

// identity is what the key is known by.
func (r *rig) identity(t *testing.T, k Key) Identity {
	t.Helper()
	if k.Public != nil {
		return Identity{Public: k.Public}
	}
	return Identity{CheckValue: must[[]byte](t)(r.s.CheckValue(k))}
}
