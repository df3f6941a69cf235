package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/rehearsal"
)

// TestJavaScriptSDK has the service's own JavaScript SDK make a KEK, import our
// .byok of every type, and use, soft-delete and recover the keys.
func TestJavaScriptSDK(t *testing.T) {
	script, err := filepath.Abs("../../../scripts/js-sdk.sh")
	must(t, err)
	folder := strings.TrimSpace(string(output(t, exec.Command(script))))
	p := served(t, rehearsal.Config{Service: rehearsal.ManagedHSM})
	t.Logf("JavaScript SDK, KEK: %s", node(t, p, folder, "kek", "KEKforBYOK"))
	t.Logf("JavaScript SDK, keys: %s", node(t, p, folder, "keys", packages(t, p)))
}

// node runs testdata/sdk.mjs with the SDK in folder, trusting the vault's CA.
func node(t *testing.T, p practice, folder, command, argument string) string {
	t.Helper()
	cmd := exec.Command("node", "testdata/sdk.mjs", folder, p.dir, command, argument)
	cmd.Env = []string{"NODE_EXTRA_CA_CERTS=" + filepath.Join(p.dir, "ca.pem"), "PATH=" + os.Getenv("PATH")}
	return strings.TrimSpace(string(output(t, cmd)))
}
