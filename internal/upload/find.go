package upload

import (
	"os"
	"path/filepath"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/transfer"
)

// Find lists the .byok files of a command line's arguments, in their order; a
// folder stands for those in it, sorted by name, and not for its subfolders.
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
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: %w", dir, durable.Cause(err))
	}
	for _, e := range entries {
		if _, ours := transfer.Stem(e.Name()); ours && !e.IsDir() {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: this folder has no .byok file", dir)
	}
	return files, nil
}
