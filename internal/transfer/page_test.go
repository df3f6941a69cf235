package transfer_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/testkit/page"
	"byok/internal/transfer"
)

const filesPage = "../../docs/files.md"

// The page lists every field of a manifest.
func TestPageListsEveryField(t *testing.T) {
	rows := page.Rows(must(page.Section(filesPage, "### Manifest"))(t))
	if fields := page.Fields(transfer.Manifest{}); !slices.Equal(rows, fields) {
		t.Errorf("the page lists %q\na manifest has %q", rows, fields)
	}
}

// checked runs the page's commands on the package.
func (v vector) checked(t *testing.T) (output string, err error) {
	t.Helper()
	cmd := exec.Command("sh", "-e", "-c", page.Commands(must(page.Section(filesPage, "### Checking a package"))(t)))
	cmd.Dir = filepath.Dir(v.put(t))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The page's commands accept a package and show every hknso.
func TestPageChecksAPackage(t *testing.T) {
	for _, name := range []string{"p-521", "p-256k", "replaced", "replaced-aes"} {
		v := valid(t, name)
		out, err := v.checked(t)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		for _, hknso := range v.hknso {
			if !strings.Contains(out, hknso.String()) {
				t.Errorf("%s: an hknso is not shown:\n%s", name, out)
			}
		}
	}
}

// The page's commands stop where this program does.
func TestPageFindsFaults(t *testing.T) {
	for _, name := range []string{
		"blob-of-another", "blob-not-approved", "manifest-signed-by-knso", "name-not-approved",
		"authorization-of-another-kek", "cards-missing", "module-with-another-kml", "pop-over-another-authorization",
	} {
		if out, err := invalid(t, name).checked(t); err == nil {
			t.Errorf("%s:\n%s", name, out)
		}
	}
}
