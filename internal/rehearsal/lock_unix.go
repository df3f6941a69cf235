//go:build unix

package rehearsal

import (
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the lock on f unless another open file has it; closing f frees it.
func tryLock(f *os.File) bool {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}
