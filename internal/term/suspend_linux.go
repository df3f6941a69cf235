//go:build amd64 || arm64

package term

import (
	"os"
	"os/signal"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// watch has Ctrl-Z put the terminal in order before the program stops, and a
// program that goes on ask its question again: the shell has set the terminal as
// it likes it in between. It ends with unwatch.
func (d *device) watch() {
	signals, over := make(chan os.Signal, 4), make(chan struct{})
	signal.Notify(signals, unix.SIGTSTP, unix.SIGCONT)
	d.unwatch = func() {
		signal.Stop(signals)
		close(over)
	}
	go func() {
		for {
			select {
			case s := <-signals:
				if s == unix.SIGTSTP {
					d.uncover()
					signal.Reset(unix.SIGCONT) // or it would be heard a second time
					stop()
					signal.Notify(signals, unix.SIGCONT)
				}
				d.again()
			case <-over:
				return
			}
		}
	}()
}

// action is the kernel's struct sigaction. Its zero value is SIG_DFL.
type action struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// stop stops this process as Ctrl-Z does, and returns when it goes on: at once
// where no shell is there to continue it, which the kernel knows and SIGSTOP
// would not ask. signal.Reset leaves the handler of Go's runtime in place, and
// that ignores the signal.
func stop() {
	runtime.LockOSThread() // the signal is for this thread, which stops before it goes on
	defer runtime.UnlockOSThread()
	var byDefault, handled action
	if !setAction(&byDefault, &handled) {
		return
	}
	_ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGTSTP)
	setAction(&handled, nil)
}

// setAction sets what SIGTSTP does.
func setAction(next, before *action) bool {
	_, _, failed := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGTSTP),
		uintptr(unsafe.Pointer(next)), uintptr(unsafe.Pointer(before)), unsafe.Sizeof(next.mask), 0, 0)
	return failed == 0
}
