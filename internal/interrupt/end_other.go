//go:build !windows

package interrupt

import (
	"os"
	"os/signal"
	"syscall"
)

// end sends this process a signal.
func end(s syscall.Signal) {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Signal(s)
	}
}

// Ignore makes this process, and those that it starts, deaf to signals.
func Ignore(signals ...os.Signal) { signal.Ignore(signals...) }
