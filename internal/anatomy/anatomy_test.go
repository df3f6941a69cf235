package anatomy_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"

	"byok/internal/anatomy"
	"byok/internal/kek"
	"byok/internal/transfer"
)

// packed is a .byok of plain bytes under a KEK.
func packed(t *testing.T, kekBits, plain int) []byte {
	t.Helper()
	return sized(t, kekBits/8+8+(plain+7)/8*8)
}

// sized is a .byok with n bytes of ciphertext.
func sized(t *testing.T, n int) []byte {
	t.Helper()
	id, err := kek.ParseID("https://contoso.vault.azure.net/keys/kek/0123456789abcdef0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	data, err := transfer.Blob{KEK: id, Generator: "tests", Ciphertext: bytes.Repeat([]byte{7}, n)}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// must returns what an encoder returns.
func must(der []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return der
}

// TestEveryKey: every key in every form is recognised under every KEK, and the
// forms that the service refuses are named as the cause.
func TestEveryKey(t *testing.T) {
	type sample struct {
		key, encoding string
		plain         int
		refused       bool
	}
	samples := []sample{
		{"AES-128", "", 16, false}, {"AES-192", "", 24, false}, {"AES-256", "", 32, false},
		{"P-256 or P-256K", "in PKCS#8", 67, false}, {"P-384", "in PKCS#8", 80, false}, {"P-521", "in PKCS#8", 98, false},
		{"P-384", "its bare private number", 48, true}, {"P-521", "its bare private number", 66, true},
	}
	for name, curve := range map[string]elliptic.Curve{"P-256 or P-256K": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples,
			sample{name, "in PKCS#8", len(must(x509.MarshalPKCS8PrivateKey(key))), false},
			sample{name, "in SEC 1, without the PKCS#8 around it", len(must(x509.MarshalECPrivateKey(key))), true})
	}
	for _, bits := range []int{2048, 3072, 4096} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		der := must(x509.MarshalPKCS8PrivateKey(key))
		text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		name := fmt.Sprintf("RSA-%d", bits)
		samples = append(samples, sample{name, "in PKCS#8", len(der), false},
			sample{name, "in PKCS#1, without the PKCS#8 around it", len(x509.MarshalPKCS1PrivateKey(key)), true},
			sample{name, "as PEM text", len(text), true})
	}
	good, all := 0, 0
	for _, s := range samples {
		for _, bits := range []int{2048, 3072, 4096} {
			all++
			r := anatomy.Of("f", packed(t, bits, s.plain))
			want := strings.TrimSuffix(s.key+", "+s.encoding, ", ")
			i := slices.IndexFunc(r.Readings, func(r anatomy.Reading) bool { return r.KEKBits == bits })
			if i < 0 || s.refused && !slices.Contains(r.Readings[i].Others, want) ||
				!s.refused && !slices.Contains(r.Readings[i].Keys, want) {
				t.Errorf("%s of %d bytes under %d bits: %+v", want, s.plain, bits, r.Readings)
				continue
			}
			if !s.refused && !strings.Contains(r.Causes[0], fmt.Sprintf("%s under a KEK of %d bits", want, bits)) {
				t.Errorf("%s under %d bits: %q", want, bits, r.Causes)
				continue
			}
			good++
		}
	}
	t.Logf("keys recognised by their length: %d of %d", good, all)
}

// TestCauses: what is wrong with a file is its first cause.
func TestCauses(t *testing.T) {
	const oaep = "it has the length of RSA-OAEP alone: the key, or only the AES key, was encrypted with the KEK, and the key " +
		"wrapped by RFC 5649 does not follow"
	raw := func(n int) []byte {
		text := strings.Repeat("A", (n*4+2)/3)
		good := string(sized(t, 512))
		at := strings.Index(good, `"ciphertext": "`) + len(`"ciphertext": "`)
		end := at + strings.Index(good[at:], `"`)
		return []byte(good[:at] + text + good[end:])
	}
	edited := func(from, to string) []byte { return bytes.Replace(packed(t, 2048, 1216), []byte(from), []byte(to), 1) }
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"RSA-OAEP alone", raw(256), oaep},
		{"RSA-OAEP alone, 3072", sized(t, 384), oaep},
		{"no ciphertext", raw(0), "the ciphertext is missing"},
		{"cut", raw(264), "264 bytes are less than RSA-OAEP under the smallest KEK and the smallest key: the file was cut, or holds only one of the two parts"},
		{"AES-GCM", raw(1500), "1500 bytes are not a multiple of 8, and RFC 5649 makes nothing else: the key was wrapped by another algorithm, such as AES-CBC or AES-GCM, or the file was cut"},
		{"PKCS#1", packed(t, 2048, 1190), "the lengths are those of RSA-2048, in PKCS#1, without the PKCS#8 around it under a KEK of 2048 bits: the service takes PKCS#8 (RSA, EC) or the bytes of an AES key"},
		{"PKCS#8 of RSA", packed(t, 2048, 1216), "the lengths are those of RSA-2048, in PKCS#8 under a KEK of 2048 bits: compare with --kty, with --curve, and with the size of the KEK"},
		{"something else", sized(t, 256+8000), "no key that the service takes makes 8256 bytes under a KEK of 2048, 3072 or 4096 bits: the KEK is of another size, or what was wrapped is something else"},
		{"a field more", edited(`"generator"`, `"by": 1, "generator"`), `it has fields that the specification does not: "by": byok-online upload sends it as the service's specification has it`},
		{"another enc", edited("CKM_RSA_AES_KEY_WRAP", "RSA-OAEP"), `field header.enc: expected "CKM_RSA_AES_KEY_WRAP"`},
		{"no version", edited("/0123456789abcdef0123456789abcdef", ""), `field header.kid: key identifier "https://contoso.vault.azure.net/keys/kek": the version is missing`},
		{"a binary", []byte{0, 1, 2, 3}, transfer.ErrLegacy.Error()},
		{"a mark", append([]byte("\xef\xbb\xbf"), sized(t, 512)...), "it begins with a byte order mark, as Windows PowerShell writes it; expected UTF-8 without a byte order mark"},
		{"nothing", nil, "not valid JSON at byte 0"},
	} {
		if r := anatomy.Of("f", c.data); r.Causes[0] != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, r.Causes[0], c.want)
		}
	}
}

// TestBothWays: a length that two mistakes and a good file share names them all.
func TestBothWays(t *testing.T) {
	r := anatomy.Of("f", sized(t, 512))
	if len(r.Causes) != 5 || !strings.HasPrefix(r.Causes[0], "the lengths are those of P-521, in PKCS#8 under a KEK of 2048 bits: ") ||
		!strings.HasPrefix(r.Causes[3], "it has the length of RSA-OAEP alone: ") {
		t.Errorf("%q", r.Causes)
	}
}

// TestRestOfCauses: what the lengths cannot tell is said too.
func TestRestOfCauses(t *testing.T) {
	r := anatomy.Of("f", packed(t, 3072, 138))
	want := []string{
		"the lengths are those of P-256 or P-256K, in PKCS#8 under a KEK of 3072 bits, or of AES-128 under a KEK of 4096 bits: compare with --kty, with --curve, and with the size of the KEK",
		"the KEK of the file is not the one that the key was wrapped for, such as an earlier version",
		"the RSA part is not OAEP with SHA-1 and MGF1 with SHA-1; by its length SHA-256 looks the same",
	}
	if !slices.Equal(r.Causes, want) || r.Length != 384+8+144 ||
		r.KEK != "https://contoso.vault.azure.net/keys/kek/0123456789abcdef0123456789abcdef" {
		t.Errorf("%+v", r)
	}
}
