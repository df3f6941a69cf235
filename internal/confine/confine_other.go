//go:build !linux || !(amd64 || arm64)

package confine

import (
	"runtime"
	"slices"

	"byok/internal/exitcode"
	"byok/internal/version"
)

// Apply fails, with status Failed: this system offers nothing to confine the
// program with.
func Apply(bool) error {
	return exitcode.Errorf(exitcode.Failed, "%s on %s cannot confine this program", runtime.GOOS, runtime.GOARCH).
		Hint("run it on Linux, amd64 or arm64")
}

// Check says what this system does not hold, and tries what it might. It changes
// only what [Harden] has changed before.
func Check() Status { return Status{slices.Concat(unheld, hardened(), buildRows(version.Built()))} }

// unheld is what Linux does for the program and other systems do not.
var unheld = []Row{
	{"no network for the library", false, "no filter of system calls: the HSM's library can open connections"},
	{"other processes", false, "any process of this user can read and change this one; run nothing else as this user"},
	{"files", false, "the HSM's library can read and write what this user can"},
	{"erased memory", false, "Go erases stack and heap on Linux alone; locked pages are wiped everywhere"},
	{"freed memory wiped", false, "the C library does not overwrite what it frees"},
}
