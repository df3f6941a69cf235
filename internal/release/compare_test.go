package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestCompare holds that two releases are compared to the last byte.
func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name, file, content string // what the second release has besides, or instead
		want                string
	}{
		{"the same", "man/a.1", "page", "3 files are the same, byte for byte\n"},
		{"a signature", "SHA256SUMS.sig", "signed", "3 files are the same, byte for byte\n"},
		{"a byte", "man/a.1", "pagE", "compare: man/a.1 differs\n"},
		{"a byte, also in the list", "byok-offline", "programme", "compare: byok-offline differs\n"},
		{"the list alone", "SHA256SUMS", "others", "compare: SHA256SUMS differs\n"},
		{"a further file", "b", "", "compare: the two releases hold different files:\n> b\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := t.TempDir(), t.TempDir()
			for _, dir := range []string{a, b} {
				check(t, os.Mkdir(filepath.Join(dir, "man"), 0o755))
				for name, content := range map[string]string{"man/a.1": "page", "byok-offline": "program", "SHA256SUMS": "sums"} {
					check(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
				}
			}
			check(t, os.WriteFile(filepath.Join(b, c.file), []byte(c.content), 0o644))
			out, _ := exec.Command("scripts/release/compare.sh", a, b).CombinedOutput()
			if string(out) != c.want {
				t.Errorf("%s\nwant %s", out, c.want)
			}
		})
	}
}
