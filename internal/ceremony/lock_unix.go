//go:build unix

package ceremony

import (
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the lock on f unless another open file has it; closing f frees it.
func tryLock(f *os.File) (free bool, err error) {
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		return false, nil
	}
	return err == nil, err
}
