package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"byok/internal/access"
	"byok/internal/exitcode"
)

// File is a file that is written once, from start to end, under a temporary
// name. Set.Create makes one. It stays open, and locked, until it has its name: see
// removeLeft.
type File struct {
	path, temp string
	file       *os.File
	err        error // the first failed write; finish returns it
	placed     bool  // renamed to path
}

func newFile(path string, perm fs.FileMode) (*File, error) {
	if err := nameable(path); err != nil {
		return nil, failed(path, "cannot be created", err)
	}
	sweepBeside(path)
	folder, name := filepath.Split(path)
	for {
		temp := filepath.Join(folder, "."+name+".tmp-"+rand.Text()[:12])
		file, err := access.Create(temp, perm)
		if err != nil {
			return nil, failed(path, "cannot be created", err)
		}
		if held(temp, file) {
			return &File{path: path, temp: temp, file: file}, nil
		}
		_ = file.Close()
	}
}

// held locks a new temporary, and reports whether it is ours: another process can
// have taken it for one that was left. Where the file system has no locks no process
// removes what it finds.
func held(temp string, file *os.File) bool {
	free, err := TryLock(file)
	return err != nil || free && leadsTo(temp, file)
}

// Write appends p. The first error is kept, so that Commit fails as well.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	if err != nil && f.err == nil {
		f.err = failed(f.path, "cannot be written", err)
	}
	return n, f.err
}

// finish brings the content to the medium. What could be lost at Close is there then.
func (f *File) finish() error {
	if f.err == nil {
		f.err = failed(f.path, "cannot be written", f.file.Sync())
	}
	return f.err
}

// replace gives a finished file its name, whatever has that name now.
func (f *File) replace() error {
	if err := renameOver(f.temp, f.path); err != nil {
		return failed(f.path, "cannot be put into place", err)
	}
	f.placed = true
	return nil
}

// placeNew gives a finished file its name; Refused if that is taken.
func (f *File) placeNew() error {
	err := renameNew(f.temp, f.path)
	if errors.Is(err, fs.ErrExist) {
		return exists(f.path)
	}
	f.placed = err == nil
	return failed(f.path, "cannot be put into place", err)
}

// discard closes the file and removes it unless it has its name.
func (f *File) discard() {
	_ = f.file.Close()
	if !f.placed {
		_ = os.Remove(f.temp)
	}
}

// Replace writes a file that may exist already: a reader sees the old content
// or the new, never a mixture. It is for state that is rewritten as a whole;
// what a ceremony produces is written with WriteFile.
func Replace(path string, data []byte, perm fs.FileMode) error {
	f, err := newFile(path, perm)
	if err != nil {
		return err
	}
	defer f.discard()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.finish(); err != nil {
		return err
	}
	if err := f.replace(); err != nil {
		return err
	}
	return failed(path, "may not survive a power cut", syncFolder(filepath.Dir(path)))
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	if !folderSync {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	if err = folder.Sync(); hasNoFolderSync(err) {
		err = nil
	}
	if closing := folder.Close(); err == nil {
		err = closing
	}
	return err
}

// failed names the file and what became of it, with the cause alone: the
// temporary's name would only puzzle the reader. A nil error stays nil.
func failed(path, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", path, what, Cause(err))
}

func exists(path string) error {
	return exitcode.Errorf(exitcode.Refused, "%s already exists and is never overwritten", path)
}
