package report_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"byok/internal/bundle"
	"byok/internal/report"
	"byok/internal/testkit/held"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func made(t *testing.T, dir string) string {
	t.Helper()
	text, err := report.Make(dir)
	check(t, err)
	return string(text)
}

// TestReport holds that the report says what a reader looks for first, loads
// nothing and runs nothing.
func TestReport(t *testing.T) {
	h := held.Hold(t)
	dir := h.Bundle(t, "../plan/testdata/good.yaml")
	text := made(t, dir)
	for _, want := range []string{
		"Every statement and the log hold, and the quorum sealed the log.",
		h.Chain.HKNSO().Groups(), h.Chain.Last().Sum.Groups(),
		"<h1>Contoso root key</h1>", "Auditors Ltd", "bag A-1, seal 0001",
		"https://contoso.vault.azure.net/keys/Payroll/", "the owner's word alone", "Vera of the vault",
		"1 of 1 destination proved by the vault", "0 of 1 KEK deleted",
		"openssl dgst -sha256 -verify knso.pem -signature disconnected/local/statements/000004-authorization.sig",
		"(rests on people)", "acl modify: the quorum approves", "QR code of the hash",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	if found := regexp.MustCompile(`(?i)<(script|img|link|iframe|object)\b|src=|@import`).FindString(text); found != "" {
		t.Errorf("the report holds %q", found)
	}
	written, err := os.ReadFile(filepath.Join(dir, bundle.Report))
	check(t, err)
	if string(written) != text {
		t.Error("the bundle's report is another one")
	}
}

// TestCommands runs the commands that the report gives.
func TestCommands(t *testing.T) {
	h := held.Hold(t)
	dir := h.Bundle(t, "")
	check(t, os.WriteFile(filepath.Join(dir, "knso.pem"), []byte(h.Chain.World().KNSO.PublicKey), 0o644))
	commands := regexp.MustCompile(`<code>(openssl [^<]*statements[^<]*|openssl [^<]*world)</code>`).FindAllStringSubmatch(made(t, dir), -1)
	if len(commands) != 5 {
		t.Fatalf("%d commands, for 5 statements", len(commands))
	}
	for _, c := range commands {
		command := exec.Command("sh", "-c", c[1])
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil || string(out) != "Verified OK\n" {
			t.Errorf("%s: %v: %s", c[1], err, out)
		}
	}
}

// TestProblems holds that what does not hold is on the first page.
func TestProblems(t *testing.T) {
	h := held.Hold(t)
	dir := h.Bundle(t, "")
	log := filepath.Join(dir, bundle.Connected, "ceremony.jsonl")
	good, err := os.ReadFile(log)
	check(t, err)
	for _, c := range []struct {
		name   string
		damage func() error
		want   string
	}{
		{"no connected log", func() error { return os.Remove(log) }, "the log of the connected workstation does not hold: "},
		{"a changed one", func() error { return os.WriteFile(log, append([]byte("x"), good...), 0o644) },
			"the log of the connected workstation does not hold: "},
		{"no plan", func() error { return os.WriteFile(filepath.Join(dir, bundle.Plan), []byte("x: 1"), 0o644) },
			"the plan cannot be read: plan.yaml: line 1: unknown field x"},
	} {
		check(t, c.damage())
		if first, _, _ := strings.Cut(made(t, dir), "<nav>"); !strings.Contains(first, c.want) {
			t.Errorf("%s: the first page does not say %q", c.name, c.want)
		}
	}
	if _, err := report.Make(t.TempDir()); err == nil {
		t.Error("a folder without a world has a report")
	}
}
