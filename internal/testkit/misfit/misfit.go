//go:build unix

// Package misfit puts something else in place of a file that a program reads:
// a named pipe, which would stop the program, a device, which never ends, a
// file of a terabyte, a link that leads nowhere.
//
// Call [Kinds], then [Kind.Put] for each, and hold the program to [Kind.Says].
package misfit

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// Kind is something that is not the file that is looked for.
type Kind struct {
	Name string
	Says string // what a program says of it behind its name, as a regular expression
	put  func(path string) error
}

// Holes is the size in bytes of the largest kind of file, which takes no room.
const Holes = 1 << 40

// Kinds returns every kind. The terminal among them is there until t ends.
func Kinds(t testing.TB) []Kind {
	t.Helper()
	const device, loop = "a device, not a file", "too many levels of symbolic links"
	master, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = terminal.Close(), master.Close() })
	return []Kind{
		{"a named pipe", "a named pipe, not a file", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"/dev/zero", device, to("/dev/zero")},
		{"a terabyte of holes", `larger than the \d+ bytes that such a file may have`, holes},
		{"a socket", "a socket, not a file", socket},
		{"a folder", "a folder, not a file", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"a dangling link", "no such file", to("/nowhere/at/all")},
		{"a loop of links", loop, func(path string) error { return os.Symlink(filepath.Base(path), path) }},
		{"/dev/full", device, to("/dev/full")},
		{"/dev/tty", device, to("/dev/tty")},
		{"a terminal", device, to(terminal.Name())},
	}
}

func to(target string) func(string) error {
	return func(path string) error { return os.Symlink(target, path) }
}

func holes(path string) error {
	return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, Holes))
}

// socket goes by a short link: a socket's path has at most 107 bytes.
func socket(path string) error {
	short, err := os.MkdirTemp("", "s")
	if err != nil {
		return err
	}
	defer os.RemoveAll(short)
	folder, err := filepath.Abs(filepath.Dir(path))
	if err == nil {
		err = os.Symlink(folder, short+"/d")
	}
	if err != nil {
		return err
	}
	address := net.UnixAddr{Name: short + "/d/" + filepath.Base(path), Net: "unix"}
	listener, err := net.ListenUnix("unix", &address)
	if err != nil {
		return err
	}
	listener.SetUnlinkOnClose(false)
	return listener.Close()
}

// Put puts the kind in place of what has the path, if anything has, until
// restore.
func (k Kind) Put(t testing.TB, path string) (restore func()) {
	t.Helper()
	aside := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".aside")
	err := os.Rename(path, aside)
	there := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := k.put(path); err != nil {
		t.Fatalf("%s in place of %s: %v", k.Name, path, err)
	}
	return func() {
		t.Helper()
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if !there {
			return
		}
		if err := os.Rename(aside, path); err != nil {
			t.Fatal(err)
		}
	}
}
