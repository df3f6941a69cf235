package durable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"byok/internal/exitcode"
)

func TestNewFolderInterrupted(t *testing.T) {
	dir := t.TempDir()
	wantOK(t, os.MkdirAll(filepath.Join(dir, ".kit.partial", "below"), 0o700)) // what a killed run left
	put(t, dir, ".kit.partial/below/left", "half")
	put(t, dir, ".kit.partial.lock", "")
	wantOK(t, NewFolder(dir+"/kit/", 0o700, func(partial string) error {
		wantFiles(t, dir, ".kit.partial/", ".kit.partial.lock="+who()+"\n")
		wantFiles(t, partial)
		return WriteFile(filepath.Join(partial, "file"), []byte("whole"), 0o600)
	}))
	wantFiles(t, dir, "kit/")
	wantFiles(t, filepath.Join(dir, "kit"), "file=whole")
}

func TestNewFolderFails(t *testing.T) {
	dir := t.TempDir()
	cause := errors.New("the stick is gone")
	err := NewFolder(filepath.Join(dir, "kit"), 0o700, func(partial string) error {
		put(t, partial, "file", "half")
		return cause
	})
	if err != cause {
		t.Errorf("%v", err)
	}
	wantFiles(t, dir)
}

func TestNewFolderRefuses(t *testing.T) {
	dir := t.TempDir()
	never := func(string) error { t.Error("filled"); return nil }
	put(t, dir, "taken", "t")
	at := filepath.Join(dir, "taken")
	wantErr(t, NewFolder(at, 0o700, never), exitcode.Refused, at+" already exists and is never overwritten")

	put(t, dir, ".file.partial", "a person's")
	wantErr(t, NewFolder(filepath.Join(dir, "file"), 0o700, never), exitcode.Refused,
		filepath.Join(dir, ".file.partial")+" is in the way, and is not a folder of this user")

	nowhere := filepath.Join(dir, "none", "kit")
	wantErr(t, NewFolder(nowhere, 0o700, never), exitcode.Failed,
		nowhere+" cannot be created: "+Cause(os.Mkdir(nowhere, 0o700)).Error())

	kit := filepath.Join(dir, "kit")
	wantOK(t, NewFolder(kit, 0o700, func(string) error {
		wantErr(t, NewFolder(kit, 0o700, never), exitcode.Refused, kit+" is being written by "+who())
		return nil
	}))
	late := filepath.Join(dir, "late")
	wantErr(t, NewFolder(late, 0o700, func(string) error { put(t, dir, "late", "early"); return nil }),
		exitcode.Refused, late+" already exists and is never overwritten")
	wantFiles(t, dir, ".file.partial=a person's", "kit/", "late=early", "taken=t")
}

// TestFreeFolder: the lock of a process that was killed goes, that of a living one
// stays.
func TestFreeFolder(t *testing.T) {
	dir := t.TempDir()
	kit := filepath.Join(dir, "kit")
	wantOK(t, FreeFolder(kit, "a kit"))
	wantOK(t, os.Mkdir(kit, 0o700))
	put(t, dir, ".kit.partial.lock", "process 1\n")
	const taken = " already exists, and a kit never overwrites anything"
	wantErr(t, FreeFolder(kit+"/", "a kit"), exitcode.Refused, kit+taken)
	wantFiles(t, dir, "kit/")
	release, err := LockTemporary(filepath.Join(dir, ".kit.partial.lock"), "another")
	wantOK(t, err)
	wantErr(t, FreeFolder(kit, "a kit"), exitcode.Refused, kit+taken)
	wantFiles(t, dir, ".kit.partial.lock=another\n", "kit/")
	release()
}
