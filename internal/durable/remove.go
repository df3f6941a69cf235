package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// Remove removes a file, and returns once that is on the medium. The error of
// a file that is not there is fs.ErrNotExist.
func Remove(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return failed(path, "may come back", syncFolder(filepath.Dir(path)))
}

// Rename gives a file another name in its folder, and returns once that is on
// the medium. Unlike WriteFile it replaces what has the name already.
func Rename(from, to string) error {
	if err := renameOver(from, to); err != nil {
		return err
	}
	return failed(to, "may not last", syncFolder(filepath.Dir(to)))
}

// Writable proves that the file path can be created, and does not create it:
// permissions say nothing about a medium that is write-protected. The error has the
// cause alone.
func Writable(path string) error {
	f, err := newFile(path, 0o600)
	if err != nil {
		return errors.Unwrap(err)
	}
	f.discard()
	return nil
}
