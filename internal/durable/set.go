// Package durable writes files that are either whole or absent, also after a
// crash or a pulled USB stick: a temporary in the same folder, synced, renamed
// into place, and the folder synced.
//
// Use [WriteFile] for one file and a [Set] for several that count as one; neither
// ever overwrites. [Append] is for logs. [Replace] is for state that is rewritten
// as a whole, and for nothing a ceremony produces. [Lock] keeps other processes
// out. Do not write such files with os.WriteFile.
//
// Read with [ReadFile], [OpenUpTo] or [Open], and not with os.ReadFile or
// os.Open: a named pipe or a device in place of a file must not stop the
// program.
//
// A temporary is called .NAME.tmp-RANDOM, and its writer has it locked. A killed
// process leaves its temporaries behind, which no later run reads or needs: the next
// one that writes a file of that name into the folder removes them, and [Sweep] those
// of a whole folder. [NewFolder] does the same for a folder that counts as one.
//
// Errors name the file as the caller did. They carry no exit status, except
// that a file in the way, or one that another process holds, is Refused.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// WriteFile writes a new file with the permissions perm (before the umask).
// A file, folder or link that has the name already is left alone, and the
// error is Refused.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	s := NewSet()
	defer s.Discard()
	f, err := s.Create(path, perm)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return s.Commit()
}

// Set is several new files that count as one. The first one created is the
// head: the set exists exactly when its head does, so a reader looks for the
// head first. Companions without a head are what an interrupted run left, and
// are replaced.
//
// Create every file before the step that cannot be undone, write, then
// Commit; defer Discard. A Set is not for use by several goroutines.
type Set struct {
	files []*File
}

// NewSet returns a set without files.
func NewSet() *Set { return &Set{} }

// Create opens a temporary for path with the permissions perm (before the
// umask). It is Refused if the head exists already.
func (s *Set) Create(path string, perm fs.FileMode) (*File, error) {
	if err := s.mayPlace(path); err != nil {
		return nil, err
	}
	f, err := newFile(path, perm)
	if err != nil {
		return nil, err
	}
	s.files = append(s.files, f)
	return f, nil
}

// mayPlace looks at what already has the name: nothing for the head, at most
// the file of an interrupted run for a companion.
func (s *Set) mayPlace(path string) error {
	if err := nameable(path); err != nil {
		return failed(path, "cannot be created", err)
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return failed(path, "cannot be created", err)
	case len(s.files) > 0 && info.Mode().IsRegular():
		return nil
	}
	return exists(path)
}

// Commit makes the set exist. On an error, Refused if the head has appeared
// in the meantime, it does not exist and no file of it is left.
func (s *Set) Commit() error { return Commit(s) }

// Commit is [Set.Commit] for several sets with their heads in one folder. The
// medium is waited for once, not once a file; after an error none of them exists.
func Commit(sets ...*Set) error {
	sets = slices.DeleteFunc(slices.Clone(sets), func(s *Set) bool { return len(s.files) == 0 })
	if len(sets) == 0 {
		return nil
	}
	defer closeAll(sets)
	for _, s := range sets {
		for _, f := range s.files {
			if err := f.finish(); err != nil {
				return err
			}
		}
	}
	err := place(sets)
	if err == nil {
		return nil
	}
	for _, s := range sets {
		if left := s.withdraw(); left != nil {
			err = fmt.Errorf("%w; %w", err, left)
		}
	}
	return err
}

// place renames under a lock, so that two runs cannot mix their companions.
// The companions are on the medium before the heads that vouch for them.
func place(sets []*Set) error {
	var heads, companions []*File
	for _, s := range sets {
		heads, companions = append(heads, s.files[0]), append(companions, s.files[1:]...)
	}
	unlock, err := lockFolder(filepath.Dir(heads[0].path))
	if err != nil {
		return failed(heads[0].path, "cannot be put into place", err)
	}
	defer unlock()
	for _, head := range heads {
		if _, err := os.Lstat(head.path); err == nil {
			return exists(head.path)
		}
	}
	for _, f := range companions {
		if err := f.replace(); err != nil {
			return err
		}
	}
	if err := syncFolders(companions); err != nil {
		return err
	}
	for _, head := range heads {
		if err := head.placeNew(); err != nil {
			return err
		}
	}
	return syncFolders(heads)
}

// withdraw takes back what place has renamed, the head first.
func (s *Set) withdraw() error {
	var left error
	for _, f := range s.files {
		if !f.placed {
			continue
		}
		if err := os.Remove(f.path); err != nil && left == nil {
			left = failed(f.path, "is left behind", err)
		}
		f.placed = false
	}
	return left
}

// closeAll closes the files, and so frees their locks.
func closeAll(sets []*Set) {
	for _, s := range sets {
		for _, f := range s.files {
			_ = f.file.Close()
		}
	}
}

// Discard removes the temporaries. After Commit it does nothing.
func (s *Set) Discard() {
	for _, f := range s.files {
		f.discard()
	}
	s.files = nil
}

// syncFolders makes the names of the files durable, each folder once.
func syncFolders(files []*File) error {
	var synced []string
	for _, f := range files {
		folder := filepath.Dir(f.path)
		if slices.Contains(synced, folder) {
			continue
		}
		if err := syncFolder(folder); err != nil {
			return failed(f.path, "cannot be put into place", err)
		}
		synced = append(synced, folder)
	}
	return nil
}
