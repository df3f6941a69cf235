// Package auditor checks proofs of possession in tests as an auditor would: with
// openssl, and from the file alone.
package auditor

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Check has openssl verify the signature of the proof in data, from the file
// alone, with the digest that openssl dgst takes, and find out a changed challenge.
func Check(t *testing.T, data []byte, digest string) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("install openssl: it judges the proofs")
	}
	var p struct {
		Challenge string
		Signature []byte
		PublicKey string `json:"public_key"`
	}
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := func(challenge string) string {
		sum := sha256.Sum256([]byte(challenge))
		return write("text", fmt.Appendf(nil, "byok proof of possession v1\nchallenge\n%x\n", sum))
	}
	args := []string{
		"dgst", "-" + digest, "-verify", write("pub.pem", []byte(p.PublicKey)),
		"-signature", write("sig", p.Signature), text(p.Challenge),
	}
	if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
		t.Errorf("openssl: %s", out)
	}
	text(p.Challenge + " ")
	if err := exec.Command("openssl", args...).Run(); err == nil {
		t.Error("openssl accepts a changed challenge")
	}
}
