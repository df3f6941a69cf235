package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// reported is a report of the public that concerns the connected workstation.
type reported struct {
	number  string // as in the list of reports
	what    string
	answer  string // of the vault, in internal/vault/testdata/reports; "" for its honest one
	line    string // the command
	status  int
	says    string // the error, without the program's name
	hint    string // "" for any
	prepare func(t *testing.T, s siren)
}

// vaultReports lists what answers of a vault, or of what stands in its place, led to.
func vaultReports() []reported {
	const show = "kek show --name KEKforBYOK"
	const role = "on a vault the role Key Vault Crypto Officer is needed, on a Managed HSM the local role Managed HSM " +
		"Crypto User (import) or Crypto Officer (recover); a role assigned just now takes minutes to take effect"
	const portal = "a proxy or portal is in between: sign in there, or set HTTPS_PROXY"
	return []reported{
		{"F9", "Managed HSM not activated", "mhsm-inactive", show, 5, "read key KEKforBYOK: the Managed HSM is not activated: " +
			"Managed HSM is not activated. Download the security domain first (Forbidden, request req-1)",
			"download its security domain first: az keyvault security-domain download", nil},
		{"F9", "quota", "quota", show, 5, "read key KEKforBYOK: the vault takes no more keys: The number of keys exceeds the " +
			"limit (Forbidden, request req-1)", "", nil},
		{"F9", "Azure Policy", "policyexp", show, 5, "read key KEKforBYOK: an Azure Policy forbids this: The operation is not " +
			"allowed by Azure Policy. Policy 'Key Vault keys should have an expiration date' disallowed the request " +
			"(Forbidden/ForbiddenByPolicy, request req-1)", "", nil},
		{"F9", "a role is missing", "mhsm-rbac", show, 5, "read key KEKforBYOK: the account has no role in the vault that " +
			"allows this: User [11111111-2222-3333-4444-555555555555] is not authorized to perform operation " +
			"[Microsoft.KeyVault/managedHsm/keys/read/action] at scope [/keys/kek] (Forbidden/ForbiddenByRbac, request req-1)",
			role, nil},
		{"F9", "token not yet valid", "tokennotyet", show, 5, "read key KEKforBYOK: the service considers the token not yet " +
			"valid: Token not yet valid (Unauthorized, request req-1)",
			"sign in again; set the clock of this computer (timedatectl set-ntp true)", nil},
		{"F9", "a proxy's page", "htmlproxy", show, 5,
			"read key KEKforBYOK: a web page (HTTP 403, text/html) came instead of the service's answer", portal, nil},
		{"F10", "a portal's page", "html200", show, 5,
			"read key KEKforBYOK: a web page (HTTP 200, text/html) came instead of the service's answer", portal, nil},
		{"F10", "a proxy that wants a password", "p407", show, 5,
			"read key KEKforBYOK: the proxy requires a user name and password (HTTP 407, request req-1)", "", nil},
		{"F19", "an API version that the cloud does not have", "apiver", show, 5, "read key KEKforBYOK: this cloud's service " +
			"does not support this program's API version: The specified version (7.6) is not recognized. Consider using the " +
			"latest supported version (7.4) (BadParameter, request req-1)", "", nil},
	}
}

// inputReports lists what people typed, and files that they brought.
func inputReports() []reported {
	const pack = "KeyTransferPackage-payroll"
	const upload = "upload PACK.byok --yes"
	spoiled := func(name string, spoil func(string) string) func(*testing.T, siren) {
		return func(t *testing.T, s siren) {
			path := filepath.Join(s.dir, name)
			whole, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, []byte(spoil(string(whole))), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.WriteFile(path, whole, 0o600) })
		}
	}
	marked := func(text string) string { return "\xef\xbb\xbf" + text }
	windows := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
	return []reported{
		{"F11", "an empty expiry", "", upload + " --expires EMPTY", 2, "upload: --expires is empty", "", nil},
		{"F11", "an empty name", "", upload + " --name EMPTY", 2, "upload: --name is empty", "", nil},
		{"F11", "empty operations", "", upload + " --ops=", 2, "upload: --ops is empty", "", nil},
		{"F11", "no release policy", "", upload + " --release-policy EMPTY", 2, "upload: --release-policy is empty", "", nil},
		{"F12", "a manifest with a byte order mark", "", upload, 2, "DIR/" + pack + ".manifest.json: it begins with a byte " +
			"order mark, as Windows PowerShell writes it; expected UTF-8 without a byte order mark", "",
			spoiled(pack+".manifest.json", marked)},
		{"F13", "a secret with a byte order mark", "", upload, 2, "DIR/azure.secret: begins with a byte-order mark",
			"save the file again as plain text, with the secret alone on its line", spoiled("azure.secret", marked)},
		{"F14", "a package copied in text mode", "", upload, 3,
			"DIR/" + pack + ".byok: its lines end in CR LF: it was copied in text mode", "", spoiled(pack+".byok", windows)},
		{"F14", "a manifest copied in text mode", "", upload, 2,
			"DIR/" + pack + ".manifest.json: its lines end in CR LF: it was copied in text mode", "",
			spoiled(pack+".manifest.json", windows)},
		{"F15", "a clock two hours behind", "", "kek show --name KEKforBYOK", 5,
			"read key KEKforBYOK: the clock of this computer is 2h0m0s behind the vault's",
			"set it (timedatectl set-ntp true): expiry dates and proofs depend on it",
			func(_ *testing.T, s siren) { s.azure.ahead = 2 * time.Hour }},
		{"F20", "a name in capitals", "", "inspect --explain COPY.BYOK", 0, "", "", nil},
		{"F22", "another name of a curve", "", upload + " --kty EC --curve P256K1 --unchecked", 2,
			"upload: --curve P256K1: expected P-256, P-384, P-521 or P-256K", "", nil},
	}
}

// TestReports tries what users of such tools have met, as the public reports
// have it: each ends with its status, its one line, and what to do.
func TestReports(t *testing.T) {
	s := liarScene(t)
	s.liar.waits = true
	answers := vaultAnswers(t)
	vault := append([]string{"--test-vault", "--vault", s.url, "--hknso", s.hknso}, s.options...)
	blob, err := os.ReadFile(filepath.Join(s.dir, "KeyTransferPackage-payroll.byok"))
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, "COPY.BYOK"), blob, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	reports := append(vaultReports(), inputReports()...)
	good := 0
	for _, r := range reports {
		t.Run(r.number+" "+r.what, func(t *testing.T) {
			if r.prepare != nil {
				r.prepare(t, s)
			}
			s.liar.whole = nil
			if r.answer != "" {
				s.liar.whole = func() answered { return answers[r.answer] }
			}
			if s.meets(t, r, vault) {
				good++
			}
			s.azure.ahead = 0
		})
	}
	t.Logf("public reports: %d of %d", good, len(reports))
}

// meets runs the line of a report, and compares how it ends.
func (s siren) meets(t *testing.T, r reported, vault []string) bool {
	t.Helper()
	args := strings.Fields(strings.NewReplacer("PACK", s.dir+"/KeyTransferPackage-payroll", "COPY", s.dir+"/COPY").Replace(r.line))
	for i := range args {
		if args[i] == "EMPTY" {
			args[i] = ""
		}
	}
	if args[0] != "inspect" {
		own := vault
		if args[0] == "kek" {
			own = slices.Concat(vault[:3], vault[5:]) // without --hknso
		}
		args = append(args, own...)
	}
	t.Setenv("BYOK_KMDATA", t.TempDir())
	t.Setenv("BYOK_CONFIG", t.TempDir())
	var out, messages syncBuffer
	status := program(strings.NewReader(""), &out, &messages).Main(t.Context(), args)
	said := strings.ReplaceAll(messages.String(), s.dir, "DIR")
	said = regexp.MustCompile(`1h59m5[0-9]s`).ReplaceAllString(said, "2h0m0s") // the answer's date has whole seconds
	var errors, hints []string
	for line := range strings.Lines(said) {
		line = strings.TrimSuffix(line, "\n")
		if text, ok := strings.CutPrefix(line, "byok-online: error: "); ok {
			errors = append(errors, text)
		}
		if text, ok := strings.CutPrefix(line, "byok-online: hint: "); ok {
			hints = append(hints, text)
		}
	}
	right := status == r.status && strings.Join(errors, "\n") == r.says &&
		(r.hint == "" || strings.Join(hints, "\n") == r.hint)
	if !right {
		t.Errorf("status %d, want %d\n%swant %s\nhint %s", status, r.status, said, r.says, r.hint)
	}
	return right
}

// vaultAnswers are the answers that people have met.
func vaultAnswers(t *testing.T) map[string]answered {
	t.Helper()
	data, err := os.ReadFile("../../internal/vault/testdata/reports/vault-answers.json")
	if err != nil {
		t.Fatal(err)
	}
	var list map[string]struct {
		Status int
		Type   string
		Body   json.RawMessage
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	answers := map[string]answered{}
	for name, a := range list {
		one := answered{a.Status, a.Type, string(a.Body)}
		if one.kind == "" {
			one.kind = "application/json; charset=utf-8"
		}
		if text := ""; json.Unmarshal(a.Body, &text) == nil {
			one.body = text
		}
		answers[name] = one
	}
	return answers
}
