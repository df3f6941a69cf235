//go:build unix

package durable

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"byok/internal/exitcode"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".held-by")
	release, err := Lock(path, "byok-offline key generate, process 1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Lock(path, "the second")
	want := path + " is in use by byok-offline key generate, process 1"
	if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Refused {
		t.Errorf("\n got %v (status %d)\nwant %s", err, exitcode.Of(err), want)
	}
	if hint := exitcode.HintOf(err); hint != "wait until it has ended, then run the command again" {
		t.Errorf("hint %q", hint)
	}
	var held InUse
	if !errors.As(err, &held) || held.Path != path || held.By != "byok-offline key generate, process 1" {
		t.Errorf("held %+v", held)
	}
	release()
	again, err := Lock(path, "the third")
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	again()
}

// TestLockOfAStranger has the lock of a process that does not say who it is,
// and of one that says something to steer the terminal.
func TestLockOfAStranger(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"silent", "", "another process"},
		{"two lines", "one\ntwo", "one"},
		{"escapes", "\x1b[2Jone", `\x1b[2Jone`},
		{"long", strings.Repeat("x", 300), strings.Repeat("x", 200)},
	} {
		path := filepath.Join(t.TempDir(), "lock")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		if free, err := TryLock(f); !free || err != nil {
			t.Fatalf("%s: %v, %v", c.name, free, err)
		}
		if _, err := f.WriteString(c.content); err != nil {
			t.Fatal(err)
		}
		_, err = Lock(path, "we")
		if want := path + " is in use by " + c.want; err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, want)
		}
	}
}

func TestLockNeedsAFile(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "victim", "precious")
	for _, c := range []struct {
		name, want string
		make       func(path string) error
	}{
		{"pipe", "a named pipe, not a file", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"folder", "a folder, not a file", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"link", "a symbolic link, not a file", func(path string) error { return os.Symlink(dir+"/elsewhere", path) }},
		{"hard link", "it is a hard link; the file has another name too", func(path string) error {
			return os.Link(dir+"/victim", path)
		}},
		{"none/lock", "no such file or directory", func(string) error { return nil }},
	} {
		path := filepath.Join(dir, c.name)
		if err := c.make(path); err != nil {
			t.Fatal(err)
		}
		_, err := Lock(path, "we")
		if want := path + " cannot be locked: " + c.want; err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, want)
		}
		if missing := c.name == "none/lock"; errors.Is(err, ErrUnfit) == missing {
			t.Errorf("%s: ErrUnfit is %v", c.name, missing)
		}
	}
	if data, err := os.ReadFile(dir + "/victim"); err != nil || string(data) != "precious" {
		t.Errorf("the victim holds %q, %v", data, err)
	}
}
