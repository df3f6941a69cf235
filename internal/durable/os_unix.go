//go:build unix

package durable

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// noWait is for open(2): neither wait for the writer of a named pipe nor
	// let a terminal become the controlling one. Regular files do not mind.
	noWait = unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC

	// noFollow is for open(2): fail on a link, which could lead anywhere.
	noFollow = unix.O_NOFOLLOW

	// appending is for open(2): write at the end, wherever that is by then.
	appending = unix.O_APPEND

	// folderSync says that folders can be opened and synced.
	folderSync = true
)

// renameOver replaces what has the name.
func renameOver(from, to string) error { return os.Rename(from, to) }

// openLeft opens a temporary for removeOpen. Some network shares lock only what is
// open for writing.
func openLeft(path string) (*os.File, error) { return openRegular(path, os.O_RDWR|noFollow, 0) }

// removeOpen removes a file of openLeft while its lock is held.
func removeOpen(f *os.File) error { return os.Remove(f.Name()) }

// hasSecondName reports whether a file has a name beside the one it was opened by.
func hasSecondName(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1, nil
}

// nameable takes every name that the file system takes.
func nameable(string) error { return nil }

// plainly has nothing to do: this system says it in lower case, without a stop.
func plainly(err error) error { return err }
