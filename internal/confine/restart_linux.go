package confine

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"byok/internal/exitcode"
)

// Restart starts the program again, once, with the variables of [Environment]
// alone: the dynamic linker and the C library read theirs only when a process
// begins. Call it first in main. It returns nil in the process that was started
// so, and otherwise only an error, with status Failed. Where the C library is
// not glibc nothing is wiped, as [Check] shows.
//
// A library that LD_PRELOAD brought into the first process has run already and
// can prevent all this. Restart keeps such libraries from those who set the
// variable by mistake; whoever sets it on purpose could run another program.
func Restart() error {
	before := os.Environ()
	listed := Environment(before)
	if slices.Equal(before, listed) {
		return nil
	}
	err := unix.Exec("/proc/self/exe", os.Args, listed)
	return exitcode.Errorf(exitcode.Failed, "the program could not be started again with the listed environment: %w", err).
		Hint("mount /proc, and let this user run the program's file")
}
