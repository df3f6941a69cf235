package durable

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// renameNew renames from to a name that must be free. The ways are tried in
// turn because not every file system of a USB stick or network share has the
// better ones.
func renameNew(from, to string) error {
	return firstSupported(from, to, renameExclusive, renameByLink, renameIfFree)
}

func firstSupported(from, to string, ways ...func(from, to string) error) error {
	var err error
	for _, way := range ways {
		if err = way(from, to); !unsupported(err) {
			break
		}
	}
	return err
}

// renameByLink relies on link(2) never replacing a name. Should the old name
// stay, it is one more leftover.
func renameByLink(from, to string) error {
	if err := os.Link(from, to); err != nil {
		return err
	}
	_ = os.Remove(from)
	return nil
}

// renameIfFree leaves a moment in which another program could take the name;
// Commit's lock keeps our own out.
func renameIfFree(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return renameOver(from, to)
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
