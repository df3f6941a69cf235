package durable

import (
	"io/fs"
	"os"
	"path/filepath"

	"byok/internal/access"
)

// Folder makes a folder with its parents and the permissions perm (before the
// umask), as os.MkdirAll does, and syncs the folder that holds each new one, so
// that what is then written into it does not vanish with it.
func Folder(path string, perm fs.FileMode) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() && nameable(path) == nil {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := Folder(parent, perm); err != nil {
			return err
		}
	}
	if err := nameable(path); err != nil {
		return failed(path, "cannot be created", err)
	}
	if err := access.Mkdir(path, perm); err != nil {
		return failed(path, "cannot be created", err)
	}
	return failed(path, "may not survive a power cut", syncFolder(parent))
}
