package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program stands in for one of ours: it writes a page and what shells complete.
const program = `#!/bin/sh
name=$(basename "$0")
case $1 in
manual) mkdir -p "$3" && echo page >"$3/$name.1" && echo page >"$3/$name-key-list.1" ;;
completion) echo "$name $2" ;;
*) exit 2 ;;
esac
`

// below lists the files and links below a folder.
func below(t *testing.T, dir string) string {
	t.Helper()
	var list []string
	check(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			list = append(list, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	}))
	return strings.Join(list, "\n")
}

// TestInstall installs and removes: what was there before is there afterwards.
func TestInstall(t *testing.T) {
	bin, dir := t.TempDir(), t.TempDir()
	prefix := filepath.Join(dir, "usr")
	for _, name := range []string{"byok-offline", "byok-online"} {
		check(t, os.WriteFile(filepath.Join(bin, name), []byte(program), 0o755))
	}
	check(t, os.MkdirAll(filepath.Join(prefix, "bin"), 0o755))
	check(t, os.WriteFile(filepath.Join(prefix, "bin/enquiry"), nil, 0o755)) // the vendor's own
	output(t, "scripts/install.sh", bin, prefix)
	check(t, os.Symlink("byok-offline", filepath.Join(prefix, "bin/new-world")))
	const want = `bin/byok-offline
bin/byok-online
bin/enquiry
bin/new-world
share/bash-completion/completions/byok-offline
share/bash-completion/completions/byok-online
share/fish/vendor_completions.d/byok-offline.fish
share/fish/vendor_completions.d/byok-online.fish
share/man/man1/byok-offline-key-list.1
share/man/man1/byok-offline.1
share/man/man1/byok-online-key-list.1
share/man/man1/byok-online.1
share/zsh/site-functions/_byok-offline
share/zsh/site-functions/_byok-online`
	if got := below(t, prefix); got != want {
		t.Errorf("installed\n%s\nwant\n%s", got, want)
	}
	text, err := os.ReadFile(filepath.Join(prefix, "share/zsh/site-functions/_byok-online"))
	check(t, err)
	if string(text) != "byok-online zsh\n" {
		t.Errorf("zsh completes %q", text)
	}
	for range 2 { // the second time there is nothing to remove
		output(t, "scripts/install.sh", "--remove", prefix, "new-world", "enquiry", "racs")
		if got := below(t, dir); got != "usr/bin/enquiry" {
			t.Errorf("left\n%s", got)
		}
	}
	if _, err := os.Stat(filepath.Join(prefix, "share")); err == nil {
		t.Error("empty folders are left")
	}
}
