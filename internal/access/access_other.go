//go:build !windows

package access

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"byok/internal/printable"
)

// Others returns who besides the owner of an open file has a right to it, for a
// person: "mode 0644". It is empty where no one has.
func Others(f *os.File, right Right) (who string, err error) {
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&maskOf(right) != 0 {
		return fmt.Sprintf("mode %04o", mode), nil
	}
	return "", nil
}

// maskOf returns the bits of a mode that give others the right.
func maskOf(right Right) fs.FileMode {
	if right == Change {
		return 0o022
	}
	return 0o077
}

// Owned reports whether an open file belongs to the user who runs this program.
func Owned(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(stat.Uid) == os.Geteuid(), nil
}

// Cure says how to keep others from a file: a command, as a rule.
func Cure(f *os.File) string {
	if !keepsModes(f) {
		return "chmod changes nothing on its file system; put a copy on another one, such as /dev/shm, with mode 600"
	}
	return "chmod 600 " + printable.Quote(f.Name())
}

// Create makes a new file for writing, with a mode (before the umask). It can be
// renamed while it is open.
func Create(path string, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
}

// Mkdir makes a folder with a mode (before the umask).
func Mkdir(path string, perm fs.FileMode) error { return os.Mkdir(path, perm) }

// MkdirAll is [Mkdir] with every folder on the way that is missing.
func MkdirAll(path string, perm fs.FileMode) error { return os.MkdirAll(path, perm) }
