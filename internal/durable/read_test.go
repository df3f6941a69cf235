//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"byok/internal/exitcode"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, dir + "/link"} {
		if data, err := ReadFile(p, 5); err != nil || string(data) != "12345" {
			t.Errorf("%s: %q, %v", p, data, err)
		}
	}
	want := path + ": larger than the 4 bytes that such a file may have"
	if _, err := ReadFile(path, 4); err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

func TestReadFileRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, want string
		make       func(path string) error
	}{
		{"missing", "no such file", func(string) error { return nil }},
		{"folder", "a folder, not a file", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"pipe", "a named pipe, not a file", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"socket", "no such device or address", func(path string) error {
			l, err := net.Listen("unix", path)
			if err == nil {
				t.Cleanup(func() { l.Close() })
			}
			return err
		}},
		{"device", "a device, not a file", func(path string) error { return os.Symlink("/dev/zero", path) }},
		{"loop", "too many levels of symbolic links", func(path string) error { return os.Symlink("loop", path) }},
	} {
		path := filepath.Join(dir, c.name)
		if err := c.make(path); err != nil {
			t.Fatal(err)
		}
		_, err := ReadFile(path, 10)
		if want := path + ": " + c.want; err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, want)
		}
		if missing := c.name == "missing"; errors.Is(err, fs.ErrNotExist) != missing {
			t.Errorf("%s: fs.ErrNotExist is %v", c.name, !missing)
		}
	}
}

// TestAppendToAPipe does not wait for whoever reads the pipe.
func TestAppendToAPipe(t *testing.T) {
	pipe := t.TempDir() + "/pipe"
	wantOK(t, syscall.Mkfifo(pipe, 0o600))
	err := Append(pipe, 0o600, 4, func([]byte) ([]byte, error) { return nil, nil })
	want := pipe + " cannot be appended to: a named pipe, not a file"
	wantErr(t, err, exitcode.Failed, want)
	wantErr(t, Touch(pipe, 0o600), exitcode.Failed, want)
}

func TestTouch(t *testing.T) {
	dir := t.TempDir()
	wantOK(t, Touch(dir+"/log", 0o600))
	wantFiles(t, dir, "log=")
	put(t, dir, "log", "one\n")
	wantOK(t, Touch(dir+"/log", 0o600))
	wantFiles(t, dir, "log=one\n")
	wantErr(t, Touch(dir+"/none/log", 0o600), exitcode.Failed, dir+
		"/none/log cannot be appended to: no such file or directory")
}

func TestCause(t *testing.T) {
	plain := errors.New("plain")
	for _, c := range []struct {
		name    string
		in, out error
	}{
		{"path", &fs.PathError{Op: "open", Path: "x", Err: syscall.EIO}, syscall.EIO},
		{"link", &os.LinkError{Op: "rename", Old: "x", New: "y", Err: syscall.EXDEV}, syscall.EXDEV},
		{"call", os.NewSyscallError("fsync", syscall.ENOSPC), syscall.ENOSPC},
		{"other", plain, plain},
	} {
		if got := Cause(c.in); got != c.out {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}
