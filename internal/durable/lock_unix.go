//go:build unix

package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// tryLock is flock(2) without waiting.
func tryLock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		return false, nil
	}
	return err == nil, err
}

// lockFile waits for the lock of an open file, which ends with its Close.
func lockFile(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != unix.EINTR {
			return err
		}
	}
}

// unlockFile frees the lock of an open file before its Close.
func unlockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// lockFolder keeps our other processes from placing files in the folder.
func lockFolder(path string) (unlock func(), err error) {
	folder, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	// Some network shares cannot lock folders; the exclusive rename of
	// the head still decides there who wins.
	_ = lockFile(folder)
	return func() { _ = folder.Close() }, nil
}
