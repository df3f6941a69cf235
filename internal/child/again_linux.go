package child

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"byok/internal/interrupt"
)

// grace is how long a child has to end by itself after a signal that the terminal
// may have sent to it as well.
const grace = time.Second

// signalled is added to the number of the signal that ended a child, as a shell has
// it in a status.
const signalled = 128

// Again runs this program with other arguments and returns the exit status; 128
// and the signal's number for a child that a signal has ended, as a shell has it.
// The child has this process's streams; with messages, what it would write to standard
// output goes to standard error. It is told to end
// if this process is killed (by SIGTERM, perhaps several times), and when this process
// is told to (SIGTERM, SIGHUP) and the child does not know of it.
func Again(args []string, messages bool) (status int, err error) {
	runtime.LockOSThread() // the child is told with the thread that started it
	defer runtime.UnlockOSThread()
	signals, suspended := make(chan os.Signal, 1), make(chan os.Signal, 1)
	interrupt.Notify(signals)
	defer interrupt.Stop(signals)
	signal.Notify(suspended, syscall.SIGTSTP) // the child is the first to stop
	defer signal.Stop(suspended)
	process, err := os.StartProcess("/proc/self/exe", append([]string{os.Args[0]}, args...), &os.ProcAttr{
		Files: []*os.File{os.Stdin, output(messages), os.Stderr},
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM},
	})
	if err != nil {
		return 0, err
	}
	over := make(chan struct{})
	defer close(over)
	go passOn(process, signals, over)
	state, err := Wait(process.Pid, func() {})
	if err != nil || state.Exited() {
		return state.ExitStatus(), err
	}
	return signalled + int(state.Signal()), nil
}

// passOn passes on what may have been sent to this process alone. What the keyboard
// sends reaches every process of the terminal, and a second Ctrl-C would end a step
// in the middle.
func passOn(process *os.Process, signals <-chan os.Signal, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case s := <-signals:
			if s != syscall.SIGTERM && s != syscall.SIGHUP {
				continue
			}
			select {
			case <-over:
				return
			case <-time.After(grace):
				_ = process.Signal(s) // fails once the child has ended
			}
		}
	}
}
