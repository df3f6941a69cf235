//go:build unix

package durable

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSweepLeaves: what has a temporary's name and is none stays, and so does what a
// link of that name leads to.
func TestSweepLeaves(t *testing.T) {
	const name = ".card.tmp-ABCDEFGHIJ27"
	for _, c := range []struct {
		name, want string
		make       func(path string) error
	}{
		{"a link", name + "->victim", func(path string) error { return os.Symlink("victim", path) }},
		{"a pipe", "", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"a folder", name + "/", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"another user's", name + "=", func(path string) error {
			if err := os.WriteFile(path, nil, 0o666); err != nil {
				return err
			}
			return os.Chown(path, 65534, 65534)
		}},
	} {
		if c.name == "another user's" && os.Geteuid() != 0 {
			t.Log("not root: another user's file is not tried")
			continue
		}
		dir := t.TempDir()
		put(t, dir, "victim", "precious")
		wantOK(t, c.make(filepath.Join(dir, name)))
		wantOK(t, Writable(filepath.Join(dir, "card")))
		swept, err := Sweep(dir)
		if err != nil || swept != nil {
			t.Errorf("%s: swept %q, %v", c.name, swept, err)
		}
		if c.want != "" {
			wantFiles(t, dir, c.want, "victim=precious")
		} else if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestSweepOfASecondName takes the name that a run left which was killed between
// link(2) and unlink(2): the file keeps its own.
func TestSweepOfASecondName(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "card", "whole")
	wantOK(t, os.Link(filepath.Join(dir, "card"), filepath.Join(dir, ".card.tmp-ABCDEFGHIJ27")))
	wantOK(t, Replace(filepath.Join(dir, "other"), nil, 0o600))
	swept, err := Sweep(dir)
	if err != nil || len(swept) != 1 {
		t.Errorf("swept %q, %v", swept, err)
	}
	wantFiles(t, dir, "card=whole", "other=")
}
