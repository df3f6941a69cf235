package durable

import (
	"os"

	"golang.org/x/sys/windows"
)

const (
	noWait   = 0 // no option of open here
	noFollow = 0 // no option of open here

	// folderSync says that folders can be opened and synced: Windows refuses
	// to flush a folder, and keeps names with the file system's own journal.
	folderSync = false
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

// lockFolder leaves it to the rename of the head who wins.
func lockFolder(string) (unlock func(), err error) { return func() {}, nil }
