package child

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Wait waits for the end of a child, whose process number is pid, and returns how
// it ended. While the child is stopped, by Ctrl-Z or by a signal, so is this
// process, once stopped has been called: a shell sees only this one. The goroutine
// must be locked to its thread, and SIGTSTP caught.
func Wait(pid int, stopped func()) (state syscall.WaitStatus, err error) {
	for how := syscall.WUNTRACED; ; {
		changed, err := syscall.Wait4(pid, &state, how, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return state, os.NewSyscallError("wait4", err)
		case changed == 0: // this process goes on, and the child was not made to
			_ = unix.Kill(pid, unix.SIGCONT)
		case state.Stopped():
			stopped()
			// To this thread, which then stops before it goes on. A shell has
			// both go on: one more SIGCONT could undo the next Ctrl-Z.
			_ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGSTOP)
			how = syscall.WUNTRACED | syscall.WCONTINUED | syscall.WNOHANG
			continue
		case !state.Continued():
			return state, nil
		}
		how = syscall.WUNTRACED
	}
}
