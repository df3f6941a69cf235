package bundle_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"byok/internal/bundle"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes a file, and the folders that it needs.
func put(t *testing.T, path, content string) string {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	check(t, os.WriteFile(path, []byte(content), 0o644))
	return path
}

// content is a bundle's files.
func content(t *testing.T, dir string) bundle.Files {
	t.Helper()
	files, err := bundle.Read(dir)
	check(t, err)
	return files
}

// tools are the programs that check.sh needs: a shell, openssl, and what every
// Debian has.
var tools = []string{
	"sh", "openssl", "sha256sum", "awk", "base64", "cat", "cmp", "cut", "dirname", "find", "grep", "mktemp", "rm", "sed",
	"sort", "tail", "tr",
}

// bare is a folder that has links to these programs alone, for PATH.
func bare(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range tools {
		path, err := exec.LookPath(name)
		check(t, err)
		check(t, os.Symlink(path, filepath.Join(dir, name)))
	}
	return dir
}

// script runs a bundle's check.sh with these programs alone, without a home.
func script(t *testing.T, dir string, words ...string) (string, error) {
	t.Helper()
	run := exec.Command("/bin/sh", append([]string{filepath.Join(dir, bundle.Script)}, words...)...)
	run.Env = []string{"PATH=" + bare(t), "TMPDIR=" + t.TempDir()}
	out, err := run.CombinedOutput()
	return string(out), err
}
