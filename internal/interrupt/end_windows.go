package interrupt

import (
	"os"
	"os/signal"
	"syscall"

	"byok/internal/exitcode"
)

// end ends this process, which cannot send itself a signal here.
func end(syscall.Signal) { os.Exit(int(exitcode.Interrupted)) }

// Ignore makes this process deaf to signals. They go to a channel that is never read:
// one that [signal.Ignore] ignores would end the process here.
func Ignore(signals ...os.Signal) { signal.Notify(make(chan os.Signal, 1), signals...) }
