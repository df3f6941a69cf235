package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"byok/internal/access"
	"byok/internal/exitcode"
)

// NewFolder makes the folder dir, with the permissions perm (before the umask) and
// with what fill writes into it. It has its name once fill has returned and all is on
// the medium; until then it is the folder .NAME.partial beside it, whose path fill
// gets. A folder, file or link that has the name already is left alone, and the error
// is Refused; so it is while another process makes the same folder.
//
// After an error nothing is left. What a killed process left the next call for that
// name removes.
func NewFolder(dir string, perm fs.FileMode, fill func(partial string) error) error {
	dir = filepath.Clean(dir)
	if err := nameable(dir); err != nil {
		return failed(dir, "cannot be created", err)
	}
	if _, err := os.Lstat(dir); err == nil {
		return exists(dir)
	}
	partial := partialOf(dir)
	release, err := holdPartial(partial, dir)
	if err != nil {
		return err
	}
	defer release()
	if err := removePartial(partial); err != nil {
		return err
	}
	if err := Folder(partial, perm); err != nil {
		return err
	}
	if err = fill(partial); err == nil {
		err = nameFolder(partial, dir)
	}
	if err != nil {
		_ = os.RemoveAll(partial) // a medium that is full or gone keeps what it has
	}
	return err
}

func partialOf(dir string) string {
	return filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".partial")
}

// FreeFolder refuses a name that [NewFolder] could not give, before a command does
// anything; what says what the folder is to be, such as "a kit". It removes the lock
// of a process that was killed when it had just given the name.
func FreeFolder(dir, what string) error {
	dir = filepath.Clean(dir)
	if _, err := os.Lstat(dir); err != nil {
		return nil //nolint:nilerr // what keeps it from being made shows then
	}
	lock := lockOf(partialOf(dir))
	if _, err := os.Lstat(lock); err == nil {
		if release, err := LockTemporary(lock, who()); err == nil {
			release()
		}
	}
	return exitcode.Errorf(exitcode.Refused, "%s already exists, and %s never overwrites anything", dir, what).
		Hint("name a folder that does not exist")
}

func lockOf(partial string) string { return partial + ".lock" }

// holdPartial keeps other processes from making the same folder. The lock is beside
// the folder, which could not be renamed on Windows while a file in it is open.
func holdPartial(partial, dir string) (release func(), err error) {
	release, err = LockTemporary(lockOf(partial), who())
	var busy InUse
	switch {
	case errors.As(err, &busy):
		return nil, exitcode.Errorf(exitcode.Refused, "%s is being written by %s", dir, busy.By).
			Hint("wait until it has ended, then run the command again")
	case err != nil:
		return nil, failed(dir, "cannot be created", errors.Unwrap(err))
	}
	return release, nil
}

// who names this process.
func who() string { return fmt.Sprintf("process %d", os.Getpid()) }

// nameFolder gives a folder the name that it is for.
func nameFolder(partial, dir string) error {
	err := renameNew(partial, dir)
	if errors.Is(err, fs.ErrExist) {
		return exists(dir)
	}
	if err != nil {
		return failed(dir, "cannot be put into place", err)
	}
	return failed(dir, "may not survive a power cut", syncFolder(filepath.Dir(dir)))
}

// removePartial removes the folder that a killed process left. Its lock is held.
func removePartial(partial string) error {
	info, err := os.Lstat(partial)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return failed(partial, "cannot be removed", err)
	}
	ours := info.IsDir()
	if ours {
		ours, err = ownedFolder(partial)
	}
	if err != nil {
		return failed(partial, "cannot be removed", err)
	}
	if !ours {
		return exitcode.Errorf(exitcode.Refused, "%s is in the way, and is not a folder of this user", partial).
			Hint("see what it is, and remove it")
	}
	return failed(partial, "cannot be removed", os.RemoveAll(partial))
}

func ownedFolder(path string) (bool, error) {
	folder, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer folder.Close()
	return access.Owned(folder)
}
