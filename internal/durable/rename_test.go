package durable

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

func TestEveryWayToRename(t *testing.T) {
	for name, rename := range map[string]func(from, to string) error{
		"renameat2": renameExclusive, "link": renameByLink, "look first": renameIfFree, "any": renameNew,
	} {
		dir := t.TempDir()
		put(t, dir, "old", "new content")
		put(t, dir, "taken", "content")
		if err := rename(dir+"/old", dir+"/taken"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: onto a file: %v", name, err)
		}
		wantFiles(t, dir, "old=new content", "taken=content")
		if err := rename(dir+"/old", dir+"/free"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantFiles(t, dir, "free=new content", "taken=content")
		if err := rename(dir+"/old", dir+"/other"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: of nothing: %v", name, err)
		}
	}
}

func TestFirstSupported(t *testing.T) {
	way := func(err error) func(string, string) error {
		return func(string, string) error { return err }
	}
	// What file systems say to a way they do not have.
	for _, no := range []error{syscall.EINVAL, syscall.ENOSYS, syscall.EOPNOTSUPP, &os.LinkError{Err: syscall.EPERM}} {
		if err := firstSupported("", "", way(no), way(nil), way(fs.ErrExist)); err != nil {
			t.Errorf("after %v: %v", no, err)
		}
		if err := firstSupported("", "", way(no), way(no)); err != no {
			t.Errorf("nothing but %v: %v", no, err)
		}
	}
	// What is an answer, and must not be tried again another way.
	for _, answer := range []error{syscall.EEXIST, syscall.EIO, syscall.EROFS, syscall.ENOSPC, syscall.EACCES} {
		if err := firstSupported("", "", way(answer), way(nil)); err != answer {
			t.Errorf("%v became %v", answer, err)
		}
	}
}
