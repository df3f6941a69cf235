package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"byok/internal/access"
)

// temporary is the name of a temporary, with that of its file; see newFile.
var temporary = regexp.MustCompile(`^\.(.+)\.tmp-[A-Z2-7]{12}$`)

// Sweep removes the temporaries that killed processes have left in a folder and
// below it, and returns their paths. A folder that is not there has none. What
// stays: a temporary that a process is writing, one of another user, what has such a
// name and is not a file, and every file on a file system without locks.
func Sweep(dir string) (swept []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() || !temporary.MatchString(d.Name()) {
			return nil
		}
		gone, err := removeLeft(path)
		if gone {
			swept = append(swept, path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return swept, err
}

// removeLeft removes a temporary that a killed process left, and reports whether it
// did. The writer of a temporary holds its lock from creation to rename, and the
// kernel frees the lock with the process: whoever gets it may remove the file. A link
// is not followed, and a file of another user stays.
func removeLeft(path string) (gone bool, err error) {
	f, err := openLeft(path)
	if err != nil {
		return false, nil //nolint:nilerr // it has gone, is not a file, or is another user's
	}
	defer f.Close()
	if ours, err := access.Owned(f); err != nil || !ours {
		return false, failed(path, "cannot be removed", err)
	}
	if free, err := TryLock(f); err != nil || !free || !leadsTo(path, f) {
		return false, nil //nolint:nilerr // no locks: that it was left cannot be known
	}
	if err := removeOpen(f); err != nil {
		return false, failed(path, "cannot be removed", err)
	}
	return true, nil
}

// sweepBeside removes what a killed process left of the file that is to be written to
// path. What cannot be removed stays: whatever the reason is, the file's own writing
// meets it and says so.
func sweepBeside(path string) {
	folder, name := filepath.Split(path)
	for _, left := range found.in(filepath.Clean(folder)) {
		if parts := temporary.FindStringSubmatch(left); parts != nil && parts[1] == name {
			_, _ = removeLeft(filepath.Join(folder, left))
		}
	}
}

// found are the temporaries in each folder that this process has written to, as they
// were before its first file there: its own it removes itself, and a folder with
// thousands of files is listed once.
var found = listings{folders: map[string][]string{}}

type listings struct {
	sync.Mutex
	folders map[string][]string
}

// in returns the names of the temporaries that were in a folder.
func (l *listings) in(folder string) []string {
	key, err := filepath.Abs(folder)
	if err != nil {
		return nil
	}
	l.Lock()
	defer l.Unlock()
	names, listed := l.folders[key]
	if !listed {
		names = temporariesIn(folder)
		l.folders[key] = names
	}
	return names
}

func temporariesIn(folder string) (names []string) {
	dir, err := os.Open(folder)
	if err != nil {
		return nil
	}
	defer dir.Close()
	all, _ := dir.Readdirnames(-1)
	for _, name := range all {
		if strings.HasPrefix(name, ".") && temporary.MatchString(name) {
			names = append(names, name)
		}
	}
	return names
}
