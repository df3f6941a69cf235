package keywrap

import (
	"bytes"
	"crypto/aes"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// vector is a file of testdata: lines of a name and hex.
type vector struct {
	name                string
	kek, plain, wrapped []byte
}

// padded reports whether the vector is of RFC 5649, not of RFC 3394.
func (v vector) padded() bool { return strings.HasPrefix(v.name, "rfc5649") }

func vectors(t testing.TB) (all []vector) {
	t.Helper()
	paths, err := filepath.Glob("testdata/rfc*.txt")
	if err != nil || len(paths) != 8 {
		t.Fatalf("testdata has %d vectors (%v), not 8", len(paths), err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v := vector{name: strings.TrimSuffix(filepath.Base(path), ".txt")}
		for line := range strings.Lines(string(data)) {
			name, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
			value, err := hex.DecodeString(digits)
			into, known := map[string]*[]byte{"kek": &v.kek, "plain": &v.plain, "wrapped": &v.wrapped}[name]
			if err != nil || !known {
				t.Fatalf("%s: %q", path, line)
			}
			*into = value
		}
		all = append(all, v)
	}
	return all
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		wrap, unwrap := WrapUnpadded, UnwrapUnpadded
		if v.padded() {
			wrap, unwrap = Wrap, Unwrap
		}
		if wrapped, err := wrap(v.kek, v.plain); err != nil || !bytes.Equal(wrapped, v.wrapped) {
			t.Errorf("%s: wrapped to %x (%v)", v.name, wrapped, err)
		}
		if plain, err := unwrap(v.kek, v.wrapped); err != nil || !bytes.Equal(plain, v.plain) {
			t.Errorf("%s: unwrapped to %x (%v)", v.name, plain, err)
		}
		for i := range 8 * len(v.wrapped) {
			broken := bytes.Clone(v.wrapped)
			broken[i/8] ^= 1 << (i % 8)
			if plain, err := unwrap(v.kek, broken); err != ErrIntegrity {
				t.Errorf("%s: bit %d flipped: %x (%v)", v.name, i, plain, err)
			}
		}
	}
}

var kek256 = []byte("0123456789abcdef0123456789ABCDEF")

// TestOpenssl has openssl wrap and unwrap every length up to three blocks, and
// one as long as a PKCS#8 private key.
func TestOpenssl(t *testing.T) {
	args := []string{"enc", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K", hex.EncodeToString(kek256)}
	lengths := []int{1794}
	for n := 1; n <= 25; n++ {
		lengths = append(lengths, n)
	}
	for _, n := range lengths {
		plain := bytes.Repeat([]byte{byte(n)}, n)
		wrapped, err := Wrap(kek256, plain)
		if err != nil {
			t.Fatal(err)
		}
		if theirs := openssl(t, plain, args...); !bytes.Equal(theirs, wrapped) {
			t.Errorf("%d bytes: %x, openssl %x", n, wrapped, theirs)
		}
		if opened := openssl(t, wrapped, append(args, "-d")...); !bytes.Equal(opened, plain) {
			t.Errorf("%d bytes: openssl opens %x", n, opened)
		}
		if back, err := Unwrap(kek256, wrapped); err != nil || !bytes.Equal(back, plain) {
			t.Errorf("%d bytes: back to %x (%v)", n, back, err)
		}
	}
}

func openssl(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Stdin = bytes.NewReader(in)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %q: %v: %s", args, err, said.Bytes())
	}
	return out
}

// TestFalseHeaders unwraps what is whole, but has another constant, another
// length or a padding other than zero (RFC 5649, section 3).
func TestFalseHeaders(t *testing.T) {
	const two = "00112233445566778899aabbccddeeff"
	for _, c := range []struct{ name, iv, body string }{
		{"other constant", "a65959a700000010", two},
		{"constant of RFC 3394", "a6a6a6a6a6a6a6a6", two},
		{"length over the body", "a65959a600000011", two},
		{"length a block short", "a65959a600000008", "00112233445566770000000000000000"},
		{"length zero", "a65959a600000000", "00000000000000000000000000000000"},
		{"length with sign bit", "a65959a680000010", two},
		{"longest length", "a65959a6ffffffff", two},
		{"padding not zero", "a65959a60000000f", "00112233445566778899aabbccddee01"},
		{"first padding not zero", "a65959a600000009", "00112233445566778801000000000000"},
		{"one block, other constant", "a65959a700000008", "0011223344556677"},
		{"one block, length zero", "a65959a600000000", "0000000000000000"},
		{"one block, length over it", "a65959a600000009", "0011223344556677"},
		{"one block, padding not zero", "a65959a600000007", "0011223344556677"},
	} {
		plain, err := Unwrap(kek256, forged(t, c.iv, c.body))
		if err != ErrIntegrity {
			t.Errorf("%s: %x, %v", c.name, plain, err)
		}
	}
	for _, c := range []struct{ name, iv, body string }{
		{"whole", "a65959a600000010", two},
		{"one block", "a65959a600000008", "0011223344556677"},
	} { // the forger is able to write what unwraps
		if _, err := Unwrap(kek256, forged(t, c.iv, c.body)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// forged wraps a body under any initial value.
func forged(t *testing.T, iv, body string) []byte {
	t.Helper()
	block, err := aes.NewCipher(kek256)
	if err != nil {
		t.Fatal(err)
	}
	data, err := hex.DecodeString(iv + body)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > aes.BlockSize {
		return wrapBlocks(block, data[:semiblock], data[semiblock:])
	}
	block.Encrypt(data, data)
	return data
}

func TestSizes(t *testing.T) {
	key := make([]byte, 16)
	for _, c := range []struct {
		name string
		call func(key, data []byte) ([]byte, error)
		key  []byte
		size int
		want string
	}{
		{"nothing", Wrap, key, 0, "AES key wrap with padding takes 1 to 65536 bytes, not 0"},
		{"too long", Wrap, key, MaxSize + 1, "AES key wrap with padding takes 1 to 65536 bytes, not 65537"},
		{"no AES key", Wrap, key[1:], 8, "crypto/aes: invalid key size 15"},
		{"unpadded, nothing", WrapUnpadded, key, 0, "AES key wrap takes a multiple of 8 bytes, 16 to 65536, not 0"},
		{"unpadded, one half", WrapUnpadded, key, 8, "AES key wrap takes a multiple of 8 bytes, 16 to 65536, not 8"},
		{"unpadded, odd", WrapUnpadded, key, 17, "AES key wrap takes a multiple of 8 bytes, 16 to 65536, not 17"},
		{"unpadded, too long", WrapUnpadded, key, MaxSize + 8,
			"AES key wrap takes a multiple of 8 bytes, 16 to 65536, not 65544"},
		{"unpadded, no AES key", WrapUnpadded, nil, 16, "crypto/aes: invalid key size 0"},
		{"unwrap nothing", Unwrap, key, 0, ErrIntegrity.Error()},
		{"unwrap half a block", Unwrap, key, 8, ErrIntegrity.Error()},
		{"unwrap odd", Unwrap, key, 17, ErrIntegrity.Error()},
		{"unwrap too long", Unwrap, key, MaxSize + 16, ErrIntegrity.Error()},
		{"unwrap, no AES key", Unwrap, key[1:], 16, "crypto/aes: invalid key size 15"},
		{"unwrap unpadded, short", UnwrapUnpadded, key, 16, ErrIntegrity.Error()},
		{"unwrap unpadded, odd", UnwrapUnpadded, key, 25, ErrIntegrity.Error()},
		{"unwrap unpadded, too long", UnwrapUnpadded, key, MaxSize + 16, ErrIntegrity.Error()},
		{"unwrap unpadded, no AES key", UnwrapUnpadded, key[1:], 24, "crypto/aes: invalid key size 15"},
	} {
		if _, err := c.call(c.key, make([]byte, c.size)); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// FuzzUnwrap holds that what unwraps wraps to the same bytes.
func FuzzUnwrap(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.kek, v.wrapped)
	}
	f.Fuzz(func(t *testing.T, kek, wrapped []byte) {
		for _, way := range []struct {
			wrap, unwrap func(key, data []byte) ([]byte, error)
		}{{Wrap, Unwrap}, {WrapUnpadded, UnwrapUnpadded}} {
			plain, err := way.unwrap(kek, wrapped)
			if err != nil {
				continue
			}
			if again, err := way.wrap(kek, plain); err != nil || !bytes.Equal(again, wrapped) {
				t.Errorf("%x wraps again to %x (%v)", wrapped, again, err)
			}
		}
	})
}
