package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"byok/internal/hsmattest"
	"byok/internal/testkit/page"
)

const attestationHeading = "## What the HSM's vendor attests of a key"

// TestHSMRulesAreExplained holds the page to the rules, in their order.
func TestHSMRulesAreExplained(t *testing.T) {
	section, err := page.Section("verify.md", attestationHeading)
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, m := range regexp.MustCompile(`(?m)^### (\S+)$`).FindAllStringSubmatch(section, -1) {
		titles = append(titles, m[1])
	}
	if !slices.Equal(titles, hsmattest.Rules()) {
		t.Errorf("the page explains %q, the rules are %q", titles, hsmattest.Rules())
	}
}

// TestHSMAttestationByOpenssl runs the page's commands on a genuine attestation,
// and on one of which a byte was changed.
func TestHSMAttestationByOpenssl(t *testing.T) {
	section, err := page.Section("verify.md", attestationHeading)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	genuine := read(t, "../internal/hsmattest/testdata/yubihsm2-p256.pem")
	root := read(t, "../internal/hsmattest/roots/yubico-yubihsm-root-2071.pem")
	run := func(attestation []byte) (string, error) {
		for name, data := range map[string][]byte{"attestation.pem": attestation, "root.pem": root} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_ = os.Remove(filepath.Join(dir, "others.pem"))
		cmd := exec.Command("sh", "-ec", page.Commands(section))
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run(genuine)
	if err != nil || !strings.HasPrefix(out, "key.pem: OK\n020401E2F279\n0309000000000000000080\n-----BEGIN PUBLIC KEY-----\n") {
		t.Errorf("%v\n%s", err, out)
	}
	imported := strings.Replace(string(genuine), "AwIAATAT", "AwIAAjAT", 1)
	if out, err := run([]byte(imported)); err == nil || imported == string(genuine) {
		t.Errorf("an altered one is taken:\n%s", out)
	}
}
