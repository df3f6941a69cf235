package upload

import (
	"io/fs"
	"os"
	"path/filepath"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/transfer"
)

// Find lists the .byok files of a command line's arguments, in their order; a
// folder stands for those in it and in the folders below, sorted by name.
// Status Usage for an argument that is missing or a folder without such a file.
func Find(args []string) (files []string, err error) {
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, exitcode.Errorf(exitcode.Usage, "%s: %w", arg, durable.Cause(err))
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		found, err := inFolder(arg)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}

func inFolder(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return exitcode.Errorf(exitcode.Usage, "%s: %w", path, durable.Cause(err))
		}
		if _, ours := transfer.Stem(e.Name()); ours && !e.IsDir() {
			files = append(files, path)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = exitcode.Errorf(exitcode.Usage, "%s: this folder has no .byok file", dir)
	}
	return files, err
}
