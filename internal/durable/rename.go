package durable

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// renameNew renames old to a name that must be free. The ways are tried in
// turn because not every file system of a USB stick or network share has the
// better ones.
func renameNew(old, new string) error {
	return firstSupported(old, new, renameExclusive, renameByLink, renameIfFree)
}

func firstSupported(old, new string, ways ...func(old, new string) error) error {
	var err error
	for _, way := range ways {
		if err = way(old, new); !unsupported(err) {
			break
		}
	}
	return err
}

// renameByLink relies on link(2) never replacing a name. Should the old name
// stay, it is one more leftover.
func renameByLink(old, new string) error {
	if err := os.Link(old, new); err != nil {
		return err
	}
	_ = os.Remove(old)
	return nil
}

// renameIfFree leaves a moment in which another program could take the name;
// Commit's lock keeps our own out.
func renameIfFree(old, new string) error {
	if _, err := os.Lstat(new); err == nil {
		return fs.ErrExist
	}
	return os.Rename(old, new)
}

// unsupported reports whether the file system cannot do it at all. FAT says EPERM
// to link(2), and the Linux kernel EINVAL to an unknown flag of renameat2(2).
func unsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL)
}

// hasNoFolderSync reports whether the file system cannot sync folders, as
// fsync(2) reports it. Any other error counts.
func hasNoFolderSync(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}
