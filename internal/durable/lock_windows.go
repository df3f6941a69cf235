package durable

import (
	"os"

	"golang.org/x/sys/windows"
)

// farByte is the byte that is locked. A lock is mandatory on Windows, and
// what the file holds must stay readable.
const farByte = 1 << 30

func tryLock(f *os.File) (bool, error) {
	err := lockByte(f, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
	if err == windows.ERROR_LOCK_VIOLATION {
		return false, nil
	}
	return err == nil, err
}

func lockFile(f *os.File) error { return lockByte(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

func lockByte(f *os.File, flags uint32) error {
	at := windows.Overlapped{OffsetHigh: farByte}
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &at)
}

func unlockFile(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &windows.Overlapped{OffsetHigh: farByte})
}
