//go:build !linux || !(amd64 || arm64)

package confine

import (
	"runtime"

	"byok/internal/exitcode"
)

// Apply can do nothing on this system: without allowNetwork it fails.
func Apply(allowNetwork bool) error {
	if allowNetwork {
		return nil
	}
	return exitcode.Hint(exitcode.Errorf(exitcode.Failed, "%s on %s cannot refuse this program a network", runtime.GOOS, runtime.GOARCH),
		"run it on Linux, amd64 or arm64")
}

// Check says what is missing on this system.
func Check() Status {
	const missing = "needs Linux on amd64 or arm64"
	return Status{[]Row{{"socket filter", false, missing}, {"core dumps off", false, missing}, {"locked memory", false, missing}}}
}
