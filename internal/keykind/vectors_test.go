package keykind

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/strictjson"
)

// The vectors in testdata are made by testdata/generate, with openssl and python3.

// vectors gives the files that match pattern below testdata. A pattern that
// matches none would make a test that passes without testing.
func vectors(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("no vectors: testdata/%s", pattern)
	}
	return paths
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// wanted is the error text that belongs to the vector at path.
func wanted(t testing.TB, path string) string {
	t.Helper()
	return string(read(t, strings.TrimSuffix(path, filepath.Ext(path))+".want"))
}

// refused fails the test unless err has exactly the text want.
func refused(t testing.TB, what string, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("%s:\n got %v\nwant %s", what, err, want)
	}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func publicKey(t testing.TB, name string) crypto.PublicKey {
	t.Helper()
	text := read(t, filepath.Join("testdata/publickey/valid", name+".pem"))
	return must[crypto.PublicKey](t)(ParsePublicKey(string(text)))
}

// derOf gives the DER in a PEM vector, or nil if the PEM itself is at fault.
func derOf(pemText []byte) []byte {
	block, rest := pem.Decode(pemText)
	if block == nil || block.Type != pemPublicKey || len(rest)+len(block.Headers) > 0 || !bytes.HasPrefix(pemText, []byte("-----")) {
		return nil
	}
	return block.Bytes
}

type signatureVector struct {
	PublicKey string `json:"public_key"`
	Message   string `json:"message"`
	Signature string `json:"signature"`
}

func readSignature(t testing.TB, path string) (pemText string, message, sig []byte) {
	t.Helper()
	var v signatureVector
	if err := strictjson.Unmarshal(path, read(t, path), 1<<16, &v); err != nil {
		t.Fatal(err)
	}
	fromHex := must[[]byte](t)
	return v.PublicKey, fromHex(hex.DecodeString(v.Message)), fromHex(hex.DecodeString(v.Signature))
}

// write puts data into a new file and gives its path, for openssl.
func write(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// openssl runs the judge. It is a part of the test: without it the test fails.
func openssl(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := tryOpenssl(t, args...)
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryOpenssl(t testing.TB, args ...string) ([]byte, error) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("this test needs the openssl command: apt-get install openssl")
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("openssl", args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return append(stdout.Bytes(), stderr.Bytes()...), err
	}
	return stdout.Bytes(), nil
}

// opensslVerifies says what openssl finds of a signature: by dgst, which
// docs and auditors use, or of pkeyutl, which unlike dgst does not overlook
// what follows a signature of full length.
func opensslVerifies(t testing.TB, command, pemText string, message, sig []byte) bool {
	t.Helper()
	key, in, sigFile := write(t, []byte(pemText)), write(t, message), write(t, sig)
	args := []string{"dgst", "-sha256", "-verify", key, "-signature", sigFile, in}
	if command == "pkeyutl" {
		args = []string{"pkeyutl", "-verify", "-rawin", "-digest", "sha256", "-pubin", "-inkey", key, "-sigfile", sigFile, "-in", in}
	}
	_, err := tryOpenssl(t, args...)
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		t.Fatal(err)
	}
	return err == nil
}
