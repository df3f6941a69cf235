//go:build unix

package handbook

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/manual"
)

// checkManual: mandoc and groff take every page without a word.
func checkManual(t *testing.T, pages []manual.Page) {
	dir, good := t.TempDir(), 0
	for _, p := range pages {
		page := p.Roff("1.2.3", "2026-11-26")
		path := filepath.Join(dir, p.Name()+".1")
		if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
		plain := strings.ReplaceAll(page, `\-`, "-")
		silent := silent(t, "mandoc", "mandoc", "-T", "lint", "-W", "warning", path) &&
			silent(t, "groff", "groff-base", "-man", "-ww", "-z", "-Tutf8", "-Kutf8", path)
		if holdsAll(t, "manual page", plain, p) && silent {
			good++
		}
	}
	t.Logf("manual pages without a warning: %d of %d", good, len(pages))
}

// silent runs a tool that has nothing to say of what is right.
func silent(t *testing.T, tool, debian string, args ...string) bool {
	t.Helper()
	out, err := exec.Command(find(t, tool, debian), args...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%s %s: %v\n%s", tool, args[len(args)-1], err, out)
		return false
	}
	return true
}

func find(t *testing.T, tool, debian string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Fatalf("%s is not installed, and these tests need it: apt-get install %s", tool, debian)
	}
	return path
}
