//go:build !linux || !(amd64 || arm64)

package confine

import (
	"runtime"

	"byok/internal/exitcode"
)

// Apply fails, with status Failed: this system offers nothing to confine the
// program with.
func Apply(bool) error {
	return exitcode.Errorf(exitcode.Failed, "%s on %s cannot confine this program", runtime.GOOS, runtime.GOARCH).
		Hint("run it on Linux, amd64 or arm64")
}

// Memory says that this system offers no way to lock memory.
func Memory() Row { return Row{"locked memory", false, "secrets may reach a swap file"} }

// Check says what is missing on this system.
func Check() Status {
	const missing = "needs Linux on amd64 or arm64"
	return Status{[]Row{
		{"filter of system calls", false, missing},
		{"core dumps off", false, missing},
		{"locked memory", false, missing},
	}}
}
