//go:build !windows

package preflight

import "golang.org/x/sys/unix"

// mayWrite asks the kernel whether this user may add files to a folder.
func mayWrite(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }
