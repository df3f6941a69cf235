package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// temporary is the name of a temporary; see newFile.
var temporary = regexp.MustCompile(`^\..+\.tmp-[A-Z2-7]{12}$`)

// Sweep removes the temporaries that killed processes have left in a folder and
// below it, and returns their paths. The caller keeps every other process from
// writing there, as by [Lock]. A folder that is not there has none. What has such
// a name and is not a file stays.
func Sweep(dir string) (swept []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() || !temporary.MatchString(d.Name()) {
			return nil
		}
		if err := os.Remove(path); err != nil {
			return failed(path, "cannot be removed", err)
		}
		swept = append(swept, path)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return swept, err
}
