package shared_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVersion: the command and the options are one.
func TestVersion(t *testing.T) {
	kmdataDir(t)
	for _, line := range []string{"version", "--version", "-v", "--output text version", "--output=text -v"} {
		wantAnswer(t, line, run(t, strings.Fields(line)...), answer{0, "byok-test version 1.2.3\n", ""})
	}
	wantAnswer(t, "json", run(t, "version", "--output", "json"), answer{0, `{
  "command": "version",
  "result": "SUCCESS",
  "status": 0,
  "data": {
    "program": "byok-test",
    "version": "1.2.3"
  }
}
`, ""})
}

// TestManual: a page on stdout, or all in a folder, which are the same.
func TestManual(t *testing.T) {
	kmdataDir(t)
	dir := filepath.Join(t.TempDir(), "man")
	all := run(t, "manual", "--to", dir)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	wantAnswer(t, "all", all, answer{0, fmt.Sprintf("%d manual pages in %s\n", len(files), dir), ""})
	for name, line := range map[string]string{
		"byok-test.1": "manual", "byok-test-ceremony-verify.1": "manual ceremony verify",
		"byok-test-inspect.1": "manual inspect",
	} {
		page, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		wantAnswer(t, line, run(t, strings.Fields(line)...), answer{0, string(page), ""})
	}
	got := run(t, "manual", "--to", dir)
	if got.status != 6 || !strings.Contains(got.err, "byok-test.1 already exists and is never overwritten") {
		t.Errorf("again: %+v", got)
	}
}

// TestAboutRefused: what these commands do not take.
func TestAboutRefused(t *testing.T) {
	kmdataDir(t)
	for line, c := range map[string]struct{ err, hint string }{
		"verson":        {`unknown command "verson"`, "byok-test version"},
		"hepl":          {`unknown command "hepl"`, "byok-test help"},
		"help inspct":   {`unknown command "inspct"`, "byok-test inspect"},
		"manual inspct": {"manual: there is no command inspct", "byok-test --help"},
		"completion tcsh": {`completion: there is none for "tcsh": expected bash, zsh, fish or powershell`,
			"byok-test completion bash"},
		"completion":      {"completion takes one SHELL, not 0", "byok-test completion --help"},
		"version now":     {`version: unexpected argument "now"`, "byok-test version --help"},
		"manual --to x y": {`manual: unexpected argument "y"`, "byok-test manual --help"},
	} {
		want := "byok-test: error: " + c.err + "\nbyok-test: hint: " + c.hint + "\n"
		wantAnswer(t, line, run(t, strings.Fields(line)...), answer{2, "", want})
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		got := run(t, "completion", shell)
		if got.status != 0 || got.err != "" || !strings.Contains(got.out, "byok-test") {
			t.Errorf("%s: %+v", shell, got)
		}
	}
}
