package planning_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/planning"
	"byok/internal/term"
)

// simulate runs plan simulate in a program that has no other command.
func simulate(t *testing.T, args ...string) (status int, out, said string) {
	t.Helper()
	var o, e bytes.Buffer
	p := &command.Program{Name: "byok-test", Version: "1.2.3", Console: &term.Console{Program: "byok-test", Out: &o, Err: &e}}
	p.Commands = []*cli.Command{planning.Commands(p)}
	t.Setenv("BYOK_KMDATA", filepath.Join(t.TempDir(), "kmdata"))
	status = p.Main(context.Background(), append([]string{"plan", "simulate"}, args...))
	return status, o.String(), e.String()
}

// TestSimulate reckons with numbers and with a plan, and refuses what cannot be.
func TestSimulate(t *testing.T) {
	good, err := os.ReadFile("../plan/testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	plan, bad, broken := filepath.Join(dir, "plan.yaml"), filepath.Join(dir, "bad.yaml"), filepath.Join(dir, "broken.yaml")
	for path, content := range map[string]string{
		plan: string(good), bad: strings.Replace(string(good), "vaults: [hsm, premium]", "vaults: [moon]", 1),
		broken: "version: 1\nmoon: 1\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		args   []string
		status int
		out    string // among the lines
		err    string // begins so
	}{
		{"of the issue", []string{"--vaults", "100", "--keys", "1000", "--subscriptions", "5"}, 0,
			"1000 keys in 100 vaults: 40.6s; in a single vault 16m59.4s\n", ""},
		{"Managed HSMs", []string{"--vaults", "10", "--keys", "100", "--service", "managed-hsm"}, 0,
			"100 keys in 10 vaults: 9.2s; in a single vault 1m41s\nEach vault's limit decides: add vaults.\n", ""},
		{"a plan", []string{"--plan", plan}, 0, "4 keys in 2 vaults: 2s; in a single vault 3.1s\n", ""},
		{"no numbers", nil, 2, "", "byok-test: error: --vaults 0: expected 1 to 10000\n"},
		{"both", []string{"--plan", plan, "--keys", "3"}, 2, "", "byok-test: error: --keys and --plan are mutually exclusive\n"},
		{"no plan", []string{"--plan", filepath.Join(dir, "none")}, 2, "",
			"byok-test: error: " + filepath.Join(dir, "none") + ": no such file\n"},
		{"no plan's field", []string{"--plan", broken}, 2, "", "byok-test: error: " + broken + ": line 2"},
		{"a vault that is not in the plan", []string{"--plan", bad}, 3, "", "byok-test: error: " + bad + ": "},
	} {
		status, out, said := simulate(t, c.args...)
		if status != c.status || !strings.Contains(out, c.out) || !strings.HasPrefix(said, c.err) {
			t.Errorf("%s: status %d, %s%s", c.name, status, out, said)
		}
	}
}
