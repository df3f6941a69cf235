package clients

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/keykind"
	"byok/internal/rehearsal"
	"byok/internal/vault"
)

// python is Debian's own, for which its SDK packages are made.
const python = "/usr/bin/python3"

// packageEntry is a package as testdata/sdk.py and sdk.mjs read it.
type packageEntry struct {
	Name       string   `json:"name"`
	Blob       string   `json:"blob"` // path of the .byok
	Kty        string   `json:"kty"`
	Crv        string   `json:"crv,omitempty"`
	Bits       int      `json:"bits,omitempty"` // oct only
	Ops        []string `json:"ops"`
	Public     string   `json:"public,omitempty"` // PEM
	CheckValue string   `json:"check_value,omitempty"`
}

// TestPythonSDK has the service's own Python SDK make a KEK, import our .byok
// of every type, and use, soft-delete and recover the keys.
func TestPythonSDK(t *testing.T) {
	folder := pythonSDK(t)
	p := served(t, rehearsal.Config{Service: rehearsal.ManagedHSM})
	t.Logf("Python SDK, KEK: %s", sdk(t, folder, p.dir, "kek", "KEKforBYOK"))
	t.Logf("Python SDK, keys: %s", sdk(t, folder, p.dir, "keys", packages(t, p)))
}

// packages makes a .byok of every type for the vault's KEK, and returns the path
// of their list, in JSON.
func packages(t *testing.T, p practice) string {
	t.Helper()
	kek, err := p.client(t, vault.Options{}).Key(context.Background(), "KEKforBYOK", "")
	must(t, err)
	var list []packageEntry
	for _, e := range []packageEntry{
		{Name: "rsa-2048", Kty: keykind.RSAHSM}, {Name: "rsa-3072", Kty: keykind.RSAHSM},
		{Name: "ec-p256", Kty: keykind.ECHSM, Crv: "P-256"}, {Name: "ec-p384", Kty: keykind.ECHSM, Crv: "P-384"},
		{Name: "ec-p521", Kty: keykind.ECHSM, Crv: "P-521"}, {Name: "ec-p256k", Kty: keykind.ECHSM, Crv: "P-256K"},
		{Name: "aes-128", Kty: keykind.OctHSM, Bits: 128}, {Name: "aes-256", Kty: keykind.OctHSM, Bits: 256},
	} {
		list = append(list, e.pack(t, kek))
	}
	data, err := json.Marshal(list)
	must(t, err)
	path := filepath.Join(t.TempDir(), "packages.json")
	must(t, os.WriteFile(path, data, 0o600))
	return path
}

// pack makes the key with openssl and wraps it for the KEK.
func (e packageEntry) pack(t *testing.T, kek vault.Key) packageEntry {
	t.Helper()
	var plain []byte
	if e.Kty == keykind.OctHSM {
		plain = openssl(t, nil, "rand", map[int]string{128: "16", 256: "32"}[e.Bits])
		e.Ops, e.CheckValue = []string{"encrypt", "decrypt", "wrapKey", "unwrapKey"}, hex.EncodeToString(checkValue(t, plain))
	} else {
		algorithm := map[string][]string{
			"rsa-2048": {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"}, "rsa-3072": {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"},
			"ec-p256": {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"}, "ec-p384": {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"},
			"ec-p521": {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"}, "ec-p256k": {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"},
		}[e.Name]
		plain = openssl(t, openssl(t, nil, append([]string{"genpkey"}, algorithm...)...), "pkcs8", "-topk8", "-nocrypt", "-outform", "DER")
		e.Ops, e.Public = []string{"sign", "verify"}, string(openssl(t, plain, "pkey", "-inform", "DER", "-pubout"))
	}
	e.Blob = filepath.Join(t.TempDir(), "KeyTransferPackage-"+e.Name+".byok")
	must(t, os.WriteFile(e.Blob, seal(t, kek.ID, kek.PublicKey.(*rsa.PublicKey), plain), 0o600))
	return e
}

// pythonSDK returns the folder with the SDK.
func pythonSDK(t *testing.T) string {
	t.Helper()
	script, err := filepath.Abs("../../../scripts/python-sdk.sh")
	must(t, err)
	return strings.TrimSpace(string(output(t, exec.Command(script))))
}

// sdk runs testdata/sdk.py on what is in folder and Python's own library alone.
func sdk(t *testing.T, folder string, args ...string) string {
	t.Helper()
	cmd := exec.Command(python, append([]string{"-S", "-s", "testdata/sdk.py"}, args...)...)
	cmd.Env = []string{"PYTHONPATH=" + folder, "PATH=" + os.Getenv("PATH")}
	return strings.TrimSpace(string(output(t, cmd)))
}

func openssl(t *testing.T, stdin []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl makes the keys of these tests and is not installed: apt-get install openssl")
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	return output(t, cmd)
}

// output is what a command prints; one that fails ends the test with what it
// said.
func output(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("%s: %v\n%s%s", cmd, err, out, failed.Stderr)
	}
	must(t, err)
	return out
}
