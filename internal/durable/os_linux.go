package durable

import "golang.org/x/sys/unix"

// renameExclusive is rename(2) that fails with EEXIST instead of replacing.
func renameExclusive(old, new string) error {
	return unix.Renameat2(unix.AT_FDCWD, old, unix.AT_FDCWD, new, unix.RENAME_NOREPLACE)
}
