//go:build unix

package download

import (
	"os"

	"golang.org/x/sys/unix"
)

// noFollow has open(2) fail on a link: it could lead anywhere, and what is
// there would be overwritten.
const noFollow = unix.O_NOFOLLOW

// tryLock takes the lock on f unless another open file has it; closing f frees it.
func tryLock(f *os.File) bool {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}
