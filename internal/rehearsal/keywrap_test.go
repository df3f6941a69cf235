package rehearsal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// vector is a file of testdata/keywrap: lines of name and hex.
type vector struct{ kek, plain, wrapped []byte }

func vectors(t testing.TB) map[string]vector {
	t.Helper()
	paths, err := filepath.Glob("testdata/keywrap/*.txt")
	if err != nil || len(paths) < 8 {
		t.Fatalf("testdata/keywrap has %d vectors (%v): at least 8 are expected", len(paths), err)
	}
	all := map[string]vector{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var v vector
		for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
			name, digits, _ := strings.Cut(line, " ")
			value, err := hex.DecodeString(digits)
			into, known := map[string]*[]byte{"kek": &v.kek, "plain": &v.plain, "wrapped": &v.wrapped}[name]
			if err != nil || !known {
				t.Fatalf("%s: %q", path, line)
			}
			*into = value
		}
		all[strings.TrimSuffix(filepath.Base(path), ".txt")] = v
	}
	return all
}

func block(t testing.TB, kek []byte) cipher.Block {
	t.Helper()
	b, err := aes.NewCipher(kek)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKeyWrapVectors(t *testing.T) {
	for name, v := range vectors(t) {
		wrap, unwrap := wrapKW, unwrapKW
		if strings.HasPrefix(name, "rfc5649") {
			wrap, unwrap = wrapKWP, unwrapKWP
		}
		if wrapped, err := wrap(block(t, v.kek), v.plain); err != nil || !bytes.Equal(wrapped, v.wrapped) {
			t.Errorf("%s: wrapped to %x (%v)", name, wrapped, err)
		}
		if plain, err := unwrap(block(t, v.kek), v.wrapped); err != nil || !bytes.Equal(plain, v.plain) {
			t.Errorf("%s: unwrapped to %x (%v)", name, plain, err)
		}
		for i := range 8 * len(v.wrapped) {
			broken := bytes.Clone(v.wrapped)
			broken[i/8] ^= 1 << (i % 8)
			if _, err := unwrap(block(t, v.kek), broken); err == nil || err.Error() != "the wrapped bytes fail their integrity check" {
				t.Errorf("%s: bit %d flipped: %v", name, i, err)
			}
		}
	}
}

// TestKWPAgainstOpenssl wraps every length up to three blocks, both ways.
func TestKWPAgainstOpenssl(t *testing.T) {
	kek := []byte("0123456789abcdef0123456789ABCDEF")
	args := []string{"enc", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K", hex.EncodeToString(kek)}
	for n := 1; n <= 25; n++ {
		plain := bytes.Repeat([]byte{byte(n)}, n)
		wrapped, err := wrapKWP(block(t, kek), plain)
		if err != nil {
			t.Fatal(err)
		}
		if theirs := openssl(t, plain, args...); !bytes.Equal(theirs, wrapped) {
			t.Errorf("%d bytes: %x, openssl %x", n, wrapped, theirs)
		}
		if back, err := unwrapKWP(block(t, kek), wrapped); err != nil || !bytes.Equal(back, plain) {
			t.Errorf("%d bytes: back to %x (%v)", n, back, err)
		}
	}
}

// TestKWPFalseHeaders unwraps what is whole but claims a wrong constant, a
// wrong length or a padding that is not zero (RFC 5649, section 3).
func TestKWPFalseHeaders(t *testing.T) {
	kek := block(t, make([]byte, 32))
	for name, c := range map[string]struct {
		iv   string
		body string
	}{
		"other constant":         {"a65959a700000010", "00112233445566778899aabbccddeeff"},
		"length over the body":   {"a65959a600000011", "00112233445566778899aabbccddeeff"},
		"length a block short":   {"a65959a600000008", "00112233445566770000000000000000"},
		"length zero":            {"a65959a600000000", "00000000000000000000000000000000"},
		"length with sign bit":   {"a65959a680000010", "00112233445566778899aabbccddeeff"},
		"padding not zero":       {"a65959a60000000f", "00112233445566778899aabbccddee01"},
		"first padding not zero": {"a65959a600000009", "00112233445566778801000000000000"},
	} {
		iv, _ := hex.DecodeString(c.iv)
		body, _ := hex.DecodeString(c.body)
		if plain, err := unwrapKWP(kek, wrapBlocks(kek, iv, body)); err != errWrapped {
			t.Errorf("%s: %x, %v", name, plain, err)
		}
	}
}

func TestKeyWrapSizes(t *testing.T) {
	kek := block(t, make([]byte, 16))
	for _, n := range []int{0, 1, 8, 15, 17, maxWrapped + 8} {
		if _, err := wrapKW(kek, make([]byte, n)); err == nil || err.Error() != "AES key wrap takes a multiple of 8 bytes, at least 16" {
			t.Errorf("KW of %d bytes: %v", n, err)
		}
	}
	for _, n := range []int{0, maxWrapped + 1} {
		if _, err := wrapKWP(kek, make([]byte, n)); err == nil || err.Error() != "AES key wrap with padding takes at least one byte" {
			t.Errorf("KWP of %d bytes: %v", n, err)
		}
	}
	for _, n := range []int{0, 8, 15, 17, maxWrapped + 8} {
		if _, err := unwrapKWP(kek, make([]byte, n)); err != errWrapped {
			t.Errorf("KWP unwrap of %d bytes: %v", n, err)
		}
		if _, err := unwrapKW(kek, make([]byte, n)); err != errWrapped {
			t.Errorf("KW unwrap of %d bytes: %v", n, err)
		}
	}
}

// FuzzUnwrapKWP holds that what unwraps wraps to the same bytes.
func FuzzUnwrapKWP(f *testing.F) {
	for name, v := range vectors(f) {
		if strings.HasPrefix(name, "rfc5649") {
			f.Add(v.kek, v.wrapped)
		}
	}
	f.Fuzz(func(t *testing.T, kek, wrapped []byte) {
		b, err := aes.NewCipher(kek)
		if err != nil {
			return
		}
		plain, err := unwrapKWP(b, wrapped)
		if err != nil {
			return
		}
		if again, err := wrapKWP(b, plain); err != nil || !bytes.Equal(again, wrapped) {
			t.Errorf("%x wraps again to %x (%v)", wrapped, again, err)
		}
	})
}
