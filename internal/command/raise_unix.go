//go:build unix

package command

import (
	"os"
	"syscall"
)

// raise sends a signal, whose default action is in force again, to this process.
func raise(s os.Signal) {
	if n, ok := s.(syscall.Signal); ok {
		_ = syscall.Kill(os.Getpid(), n)
	}
}
