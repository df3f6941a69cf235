package durable

import (
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
