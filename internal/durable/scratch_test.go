//go:build unix

package durable

import (
	"os"
	"syscall"
	"testing"

	"byok/internal/exitcode"
)

func TestOpenScratch(t *testing.T) {
	dir := t.TempDir()
	for range 2 { // created, then found
		f, err := OpenScratch(dir+"/part", 0o600)
		wantOK(t, err)
		_, err = f.WriteString("kept")
		wantOK(t, err)
		wantOK(t, f.Close())
	}
	wantFiles(t, dir, "part=kept")
}

func TestOpenScratchRefuses(t *testing.T) {
	for _, c := range []struct {
		name, want string
		make       func(dir, path string) error
	}{
		{"hard link", "is left alone: it is a hard link; the file has another name too",
			func(dir, path string) error { return os.Link(dir+"/victim", path) }},
		{"link", "is left alone: a symbolic link, not a file",
			func(dir, path string) error { return os.Symlink(dir+"/victim", path) }},
		{"pipe", "is left alone: a named pipe, not a file", func(_,
			path string) error {
			return syscall.Mkfifo(path, 0o600)
		}},
		{"folder", "is left alone: a folder, not a file", func(_, path string) error { return os.Mkdir(path, 0o700) }},
		{"another user's", "is left alone: it belongs to another user", func(_, path string) error {
			if err := os.WriteFile(path, nil, 0o666); err != nil {
				return err
			}
			return os.Chown(path, 65534, 65534)
		}},
	} {
		dir := t.TempDir()
		put(t, dir, "victim", "precious")
		path := dir + "/part"
		err := c.make(dir, path)
		if c.name == "another user's" && os.Geteuid() != 0 {
			t.Log("not root: another user's file is not tried")
			continue
		}
		wantOK(t, err)
		_, err = OpenScratch(path, 0o600)
		wantErr(t, err, exitcode.Failed, path+" "+c.want)
		data, err := os.ReadFile(dir + "/victim")
		if err != nil || string(data) != "precious" {
			t.Errorf("%s: the victim holds %q, %v", c.name, data, err)
		}
	}
}
