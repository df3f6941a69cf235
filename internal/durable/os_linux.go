package durable

import "golang.org/x/sys/unix"

// renameExclusive is rename(2) that fails with EEXIST instead of replacing.
func renameExclusive(from, to string) error {
	return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
}
