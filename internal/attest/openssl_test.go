package attest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// openssl runs testdata/verify-with-openssl.sh, whose commands docs/verify.md
// quotes, on an attestation in JSON, and returns its last line.
func openssl(t *testing.T, data []byte, day string) (last string, err error) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("openssl is needed to judge this package: apt-get install openssl")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "attestation.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("testdata/verify-with-openssl.sh")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("roots/marvell-liquidsecurity-root-2034.pem")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", script, file, root, day)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1], err
}

// TestOpenSSL lets openssl alone come to the result and the fingerprint that
// this package comes to.
func TestOpenSSL(t *testing.T) {
	v, err := CheckFile("f", genuine(t), at("2025-07-01"))
	if err != nil {
		t.Fatal(err)
	}
	last, err := openssl(t, genuine(t), "2025-07-01")
	if want := "SHA-256 " + v.Fingerprint.String(); err != nil || last != want {
		t.Errorf("%v: %s\nwant %s", err, last, want)
	}
}

// TestOpenSSLRefuses: the script is useless if it says yes to anything. The
// changes are in the statement's signature, the modulus, the kid and the day.
func TestOpenSSLRefuses(t *testing.T) {
	good := string(genuine(t))
	for name, c := range map[string]struct{ old, new, day, last string }{
		"statement": {"ABNwy-0j", "ABNwy-1j", "2025-07-01", "differ"},
		"modulus":   {`"n": "jAZs`, `"n": "jAZt`, "2025-07-01", "not stated: this modulus"},
		"kid":       {"d768555", "d768556", "2025-07-01", "not stated: this id, /keys/livekvtestkey-name3e302c50/a9834ba5f8470bc43a89b1f05d768556"},
		"day":       {"", "", "2032-04-01", "one key in both certificates of the partition"},
	} {
		if !strings.Contains(good, c.old) {
			t.Fatalf("%s: nothing to change", name)
		}
		last, err := openssl(t, []byte(strings.Replace(good, c.old, c.new, 1)), c.day)
		if err == nil || !strings.Contains(last, c.last) {
			t.Errorf("%s: %v: %s", name, err, last)
		}
	}
}
