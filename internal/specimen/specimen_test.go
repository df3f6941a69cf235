package specimen

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"os/exec"
	"testing"

	"byok/internal/transfer"
)

// TestPackages verifies packages of every kind as byok-online does, and
// unwraps their plaintext with openssl.
func TestPackages(t *testing.T) {
	world, err := NewWorld()
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id, err := transfer.ParseKeyID("https://localhost:8443/keys/KEKforBYOK/00112233445566778899aabbccddeeff")
	if err != nil {
		t.Fatal(err)
	}
	kek := KEK{ID: id, Public: &small.PublicKey, Rehearsal: true}
	for name, key := range map[string]any{"rsa": small, "ec": ec, "aes": make([]byte, 16)} {
		p, err := world.Package(kek, name, key)
		if err != nil {
			t.Fatal(err)
		}
		path, err := Write(t.TempDir(), p)
		if err != nil {
			t.Fatal(err)
		}
		read, err := transfer.ReadPackage(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := read.Verify(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWrapPadded(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	for n := 9; n < 100; n++ {
		plain := make([]byte, n)
		_, _ = rand.Read(plain)
		wrapped, err := wrapPadded(key, plain)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("openssl", "enc", "-d", "-id-aes256-wrap-pad", "-K", hex.EncodeToString(key), "-iv", "A65959A6")
		cmd.Stdin = bytes.NewReader(wrapped)
		got, err := cmd.Output()
		if errors.Is(err, exec.ErrNotFound) {
			t.Fatal("install openssl: it unwraps what is wrapped here")
		}
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	if _, err := wrapPadded(key, make([]byte, 8)); err == nil || err.Error() != "a specimen's plaintext has more than 8 bytes" {
		t.Error(err)
	}
}
