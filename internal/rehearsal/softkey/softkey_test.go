package softkey

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"strings"
	"testing"

	"byok/internal/keykind"
	"byok/internal/rehearsal/wire"
)

// made are keys of every kind, as the vault makes them.
func made(t *testing.T) map[string]Material {
	t.Helper()
	keys := map[string]Material{}
	for _, c := range []struct {
		name, keyType, curve string
		bits                 int
	}{
		{"RSA", keykind.RSAHSM, "", 0},
		{"EC", keykind.ECHSM, "", 0},
		{"P-384", keykind.ECHSM, "P-384", 0},
		{"P-521", keykind.ECHSM, "P-521", 0},
		{"P-256K", keykind.ECHSM, Koblitz, 0},
		{"AES", keykind.OctHSM, "", 0},
		{"AES-128", keykind.OctHSM, "", 128},
	} {
		m, err := Generate(c.keyType, c.curve, c.bits)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		keys[c.name] = m
	}
	return keys
}

// TestStored: what Private gives, Decode reads as the same key.
func TestStored(t *testing.T) {
	for name, m := range made(t) {
		var public, again wire.Key
		m.Describe(&public)
		back, err := Decode(m.Kind()+"-HSM", public.Curve, m.Private())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		back.Describe(&again)
		if fmt.Sprint(public) != fmt.Sprint(again) || !bytes.Equal(m.Private(), back.Private()) {
			t.Errorf("%s: %v became %v", name, public, again)
		}
	}
}

func TestSign(t *testing.T) {
	keys := made(t)
	short, middle, long := sha256.Sum256([]byte("x")), sha512.Sum384([]byte("x")), sha512.Sum512([]byte("x"))
	for _, c := range []struct {
		key, algorithm string
		digest         []byte
	}{
		{"RSA", "RS256", short[:]}, {"RSA", "RS512", long[:]}, {"RSA", "PS384", middle[:]},
		{"EC", "ES256", short[:]}, {"P-384", "ES384", middle[:]}, {"P-521", "ES512", long[:]},
		{"P-256K", "ES256K", short[:]},
	} {
		s := keys[c.key].(Signer)
		signature, err := s.Sign(c.algorithm, c.digest)
		if err != nil || !s.Verify(c.algorithm, c.digest, signature) {
			t.Errorf("%s %s: %v", c.key, c.algorithm, err)
			continue
		}
		for _, bad := range [][]byte{nil, signature[1:], append([]byte{signature[0] ^ 1}, signature[1:]...)} {
			if s.Verify(c.algorithm, c.digest, bad) {
				t.Errorf("%s %s: %x is taken for %x", c.key, c.algorithm, bad, signature)
			}
		}
	}
}

func TestEncrypt(t *testing.T) {
	keys := made(t)
	text, iv := []byte("sixteen  letters"), make([]byte, 16)
	for _, c := range []struct {
		key string
		in  wire.Operation
	}{
		{"RSA", wire.Operation{Algorithm: "RSA1_5"}},
		{"RSA", wire.Operation{Algorithm: "RSA-OAEP"}},
		{"RSA", wire.Operation{Algorithm: "RSA-OAEP-256"}},
		{"AES", wire.Operation{Algorithm: "A256KW"}},
		{"AES", wire.Operation{Algorithm: "CKM_AES_KEY_WRAP"}},
		{"AES-128", wire.Operation{Algorithm: "CKM_AES_KEY_WRAP_PAD"}},
		{"AES-128", wire.Operation{Algorithm: "A128CBC", IV: iv}},
		{"AES", wire.Operation{Algorithm: "A256CBCPAD", IV: iv}},
		{"AES", wire.Operation{Algorithm: "A256GCM", AAD: []byte("aad")}},
	} {
		k := keys[c.key].(Encrypter)
		c.in.Value = text
		sealed, err := k.Encrypt(c.in)
		if err != nil || bytes.Contains(sealed.Value, text) {
			t.Errorf("%s: %x, %v", c.in.Algorithm, sealed.Value, err)
			continue
		}
		back := wire.Operation{Algorithm: c.in.Algorithm, Value: sealed.Value, IV: sealed.IV, Tag: sealed.Tag, AAD: c.in.AAD}
		if opened, err := k.Decrypt(back); err != nil || !bytes.Equal(opened.Value, text) {
			t.Errorf("%s: opened as %q, %v", c.in.Algorithm, opened.Value, err)
		}
		back.Value = append(bytes.Clone(back.Value[:len(back.Value)-1]), back.Value[len(back.Value)-1]^1)
		if opened, err := k.Decrypt(back); err == nil && bytes.Equal(opened.Value, text) {
			t.Errorf("%s: a spoiled ciphertext opens", c.in.Algorithm)
		}
	}
}

func TestEncryptRefuses(t *testing.T) {
	keys := made(t)
	unpadded, err := keys["AES"].(Encrypter).Encrypt(
		wire.Operation{Algorithm: "A256CBC", Value: make([]byte, 16), IV: make([]byte, 16)})
	if err != nil {
		t.Fatal(err)
	}
	const cbc = "AES-CBC takes an iv of 16 bytes and whole blocks"
	for _, c := range []struct {
		key          string
		in           wire.Operation
		seals, opens string // the errors; "" is none looked for
	}{
		{"RSA", wire.Operation{Algorithm: "A256KW"}, ErrAlgorithm.Error(), ErrAlgorithm.Error()},
		{"AES", wire.Operation{Algorithm: "A128KW"}, ErrAlgorithm.Error(), ErrAlgorithm.Error()},
		{"AES", wire.Operation{Algorithm: "A256X"}, ErrAlgorithm.Error(), ErrAlgorithm.Error()},
		{"AES", wire.Operation{Algorithm: "A256CBC", Value: make([]byte, 16)}, cbc, cbc},
		{"AES", wire.Operation{Algorithm: "A256CBC", Value: make([]byte, 15), IV: make([]byte, 16)}, cbc, cbc},
		{"AES", wire.Operation{Algorithm: "A256CBCPAD", Value: unpadded.Value, IV: make([]byte, 16)}, "", errDecrypt.Error()},
		{"AES", wire.Operation{Algorithm: "A256GCM", IV: make([]byte, 12)}, "AES-GCM takes no iv: the vault chooses it",
			"AES-GCM takes an iv of 12 and a tag of 16 bytes"},
		{"AES", wire.Operation{Algorithm: "A256GCM", Value: []byte{1}, IV: make([]byte, 12), Tag: make([]byte, 16)},
			"AES-GCM takes no iv: the vault chooses it", errDecrypt.Error()},
		{"RSA", wire.Operation{Algorithm: "RSA-OAEP", Value: []byte{1}}, "", errDecrypt.Error()},
	} {
		k := keys[c.key].(Encrypter)
		if _, err := k.Encrypt(c.in); c.seals != "" && (err == nil || err.Error() != c.seals) {
			t.Errorf("%s %s seals: %v, want %s", c.key, c.in.Algorithm, err, c.seals)
		}
		if _, err := k.Decrypt(c.in); err == nil || err.Error() != c.opens {
			t.Errorf("%s %s opens: %v, want %s", c.key, c.in.Algorithm, err, c.opens)
		}
	}
}

func TestKeysRefused(t *testing.T) {
	generate := func(keyType, curve string, bits int) error { _, err := Generate(keyType, curve, bits); return err }
	decode := func(keyType, curve, private string) error {
		_, err := Decode(keyType, curve, []byte(private))
		return err
	}
	oct := func(n int) error { _, err := NewOct(make([]byte, n)); return err }
	for _, c := range []struct {
		err  error
		want string
	}{
		{generate(keykind.RSAHSM, "", 1024), "BadParameter: Invalid key_size: 1024. An RSA key has 2048, 3072 or 4096 bits"},
		{generate(keykind.ECHSM, "P-224", 0), "BadParameter: Invalid crv: P-224. A curve is P-256, P-384, P-521 or P-256K"},
		{generate(keykind.OctHSM, "", 100), "BadParameter: Invalid key_size: 100. An oct key has 128, 192 or 256 bits"},
		{decode("OKP", "", ""), "no key type OKP"},
		{decode(keykind.RSAHSM, "", "x"), "not an RSA private key"},
		{decode(keykind.ECHSM, "P-224", "x"), "no curve P-224"},
		{decode(keykind.ECHSM, "P-256", "x"), "not an EC private key"},
		{decode(keykind.ECHSM, Koblitz, strings.Repeat("\x00", 32)), "not a private key on secp256k1"},
		{decode(keykind.OctHSM, "", "x"), "an AES key of 1 bytes: expected 16, 24 or 32"},
		{oct(20), "an AES key of 20 bytes: expected 16, 24 or 32"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("%v, want %s", c.err, c.want)
		}
	}
}

func TestCheckOps(t *testing.T) {
	const unsupported = "BadParameter: Unsupported key operation(s)"
	for _, c := range []struct {
		name, keyType string
		ops           []string
		exchange      bool
		want          string // the operations, or the error
	}{
		{"default", keykind.ECHSM, nil, false, "[sign verify]"},
		{"some", keykind.RSAHSM, []string{"sign"}, false, "[sign]"},
		{"an exchange key", keykind.RSAHSM, []string{"import"}, true, "[import]"},
		{"an exchange key is not imported", keykind.RSAHSM, []string{"import"}, false, unsupported},
		{"an exchange key is RSA", keykind.ECHSM, []string{"import"}, true, unsupported},
		{"import and more", keykind.RSAHSM, []string{"import", "sign"}, true, unsupported},
		{"twice", keykind.RSAHSM, []string{"sign", "sign"}, false, unsupported},
		{"of another type", keykind.ECHSM, []string{"encrypt"}, false, unsupported},
	} {
		ops, err := CheckOps(c.keyType, c.ops, c.exchange)
		got := fmt.Sprint(ops)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestSeeds imports what openssl made, of every kind.
func TestSeeds(t *testing.T) {
	kinds := map[string]int{}
	for _, der := range pkcs8Seeds(t) {
		m, err := ParsePKCS8(der)
		if err != nil {
			kinds["refused"]++
			continue
		}
		var public wire.Key
		m.Describe(&public)
		kinds[m.Kind()+" "+public.Curve]++
		if rsa, ok := m.(RSA); ok && (rsa.Size() < 2048 || len(public.N) != rsa.Size()/8) {
			t.Errorf("an RSA key of %d bits", rsa.Size())
		}
	}
	for _, kind := range []string{"RSA ", "EC P-256", "EC P-384", "EC P-521", "EC P-256K", "refused"} {
		if kinds[kind] == 0 {
			t.Errorf("none is %q: %v", kind, kinds)
		}
	}
	if _, err := ParsePKCS8([]byte("x")); err == nil || errors.Is(err, ErrAlgorithm) {
		t.Error(err)
	}
}
