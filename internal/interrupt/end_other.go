//go:build !windows

package interrupt

import (
	"os"
	"syscall"
)

// end sends this process a signal.
func end(s syscall.Signal) {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Signal(s)
	}
}
