//go:build unix

package durable

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
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
		{"socket", "a socket, not a file", func(path string) error {
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
		if missing := c.name == "missing"; errors.Is(err, fs.ErrNotExist) != missing || errors.Is(err, ErrUnfit) == missing {
			t.Errorf("%s: fs.ErrNotExist is %v, ErrUnfit is %v", c.name, !missing, missing)
		}
	}
}

// TestReadFileOfEveryKind has what lies on every system: each is refused at
// once, and a file in /proc, which says that it is empty, is held to its limit.
func TestReadFileOfEveryKind(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"/dev/zero", "a device, not a file"},
		{"/dev/full", "a device, not a file"},
		{"/dev/tty", "a device, not a file"},
		{"/dev/ptmx", "a device, not a file"},
		{"/dev/null/x", "not a directory"},
		{"/proc/self/maps", "larger than the 10 bytes that such a file may have"},
	} {
		if _, err := ReadFile(c.path, 10); err == nil || err.Error() != c.path+": "+c.want {
			t.Errorf("\n got %v\nwant %s: %s", err, c.path, c.want)
		}
	}
}

// TestOpenUpTo refuses a file of a terabyte, which has holes, before any of it
// is read.
func TestOpenUpTo(t *testing.T) {
	path := t.TempDir() + "/holes"
	wantOK(t, os.WriteFile(path, nil, 0o600))
	wantOK(t, os.Truncate(path, 1<<40))
	f, err := OpenUpTo(path, 1<<40)
	wantOK(t, err)
	wantOK(t, f.Close())
	_, err = OpenUpTo(path, 1<<40-1)
	wantErr(t, err, exitcode.Failed, path+": larger than the 1099511627775 bytes that such a file may have")
	_, err = OpenUpTo(path+"x", 1)
	wantErr(t, err, exitcode.Failed, path+"x: no such file")
}

// TestReadFileTakesNoMore: what is kept of a file takes its own size in memory.
func TestReadFileTakesNoMore(t *testing.T) {
	dir := t.TempDir()
	for _, size := range []int{0, 1, 71, 2000} {
		put(t, dir, "file", strings.Repeat("x", size))
		data, err := ReadFile(dir+"/file", 2000)
		if err != nil || len(data) != size || cap(data) != size {
			t.Errorf("%d bytes: %d in %d, %v", size, len(data), cap(data), err)
		}
	}
	if data, err := ReadFile("/proc/self/cmdline", 1<<20); err != nil || len(data) == 0 {
		t.Errorf("a file whose size is not known: %d bytes, %v", len(data), err)
	}
}

// TestAppendToALink: nothing is created where a link leads, and nothing is
// written under a file's second name.
func TestAppendToALink(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "victim", "")
	wantOK(t, os.Symlink(dir+"/elsewhere", dir+"/dangling"))
	wantOK(t, os.Link(dir+"/victim", dir+"/hard"))
	wantOK(t, os.Symlink(dir+"/one", dir+"/soft"))
	line := func(*io.SectionReader) ([]byte, error) { return []byte("line"), nil }
	for name, why := range map[string]string{
		"dangling": "a symbolic link that leads nowhere",
		"hard":     "it is a hard link; the file has another name too",
	} {
		want := dir + "/" + name + " cannot be appended to: " + why
		wantErr(t, Append(dir+"/"+name, 0o600, 9, line), exitcode.Failed, want)
		wantErr(t, Touch(dir+"/"+name, 0o600), exitcode.Failed, want)
	}
	put(t, dir, "one", "")
	wantOK(t, Append(dir+"/soft", 0o600, 9, line))
	log, err := OpenAppended(dir+"/hard", 9)
	wantOK(t, err)
	if log.Size() > 0 {
		t.Errorf("%d bytes", log.Size())
	}
	wantOK(t, log.Close())
	wantFiles(t, dir, "dangling->"+dir+"/elsewhere", "hard=", "one=line\n", "soft->"+dir+"/one", "victim=")
}

// TestAppendToAPipe does not wait for whoever reads the pipe.
func TestAppendToAPipe(t *testing.T) {
	pipe := t.TempDir() + "/pipe"
	wantOK(t, syscall.Mkfifo(pipe, 0o600))
	err := Append(pipe, 0o600, 4, func(*io.SectionReader) ([]byte, error) { return nil, nil })
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
