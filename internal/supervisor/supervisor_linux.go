//go:build amd64 || arm64

package supervisor

import (
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"byok/internal/child"
	"byok/internal/confine"
	"byok/internal/exitcode"
)

// supervise starts the worker and returns when it has ended.
//
// The supervisor takes the filter as well, and is not dumpable: where a kernel
// has no Landlock, a library that reaches this process gains nothing by it.
func supervise(args []string) (*worker, error) {
	if err := confine.Apply(wantsNetwork(args)); err != nil {
		return nil, err
	}
	runtime.LockOSThread() // the worker dies with the thread that started it
	defer runtime.UnlockOSThread()
	// Of SIGTSTP the worker is the first to stop: see wait. A reader of our
	// output that has gone must not keep the end of a step out of the log.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTSTP, syscall.SIGPIPE)
	return attend()
}

// leftovers is how long what lies in a pipe of an ended process may take to be
// read.
const leftovers = 100 * time.Millisecond

// rest ends the reading of the pipes of a worker that has ended, which what it has
// started may hold for longer, and returns what was printed.
func rest(reports, printed *os.File, kept <-chan string) string {
	for _, pipe := range []*os.File{reports, printed} {
		_ = pipe.SetReadDeadline(time.Now().Add(leftovers))
	}
	return <-kept
}

// nextStep is the hint for a library that ended its process, or never returned, as
// some do that the filter refuses a socket.
func nextStep(args []string) string {
	if wantsNetwork(args) {
		return again
	}
	return again + "; or " + confine.NetworkHint
}

// wantsNetwork reports whether the arguments lift the rule about sockets. The
// worker, which parses them, decides; this is for the domain alone.
func wantsNetwork(args []string) bool {
	for _, a := range args {
		if strings.HasPrefix(strings.TrimLeft(a, "-"), "hsm-network") {
			return true
		}
	}
	return false
}

// What to do if the system lacks room for another process, and if it does not start.
const (
	roomHint  = "ulimit -n 1024"
	startHint = "mount /proc, and let this user run the program's file"
)

// launch starts the process.
func (w *worker) launch() (reports, printed *os.File, err error) {
	p, err := pipes()
	if err != nil {
		return nil, nil, err
	}
	reporting, printing, interrupts := p[0], p[1], p[2]
	process, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env: workerEnvironment(outside),
		Files: []*os.File{
			os.Stdin, printing.to, printing.to, os.Stdout, os.Stderr, reporting.to, interrupts.from,
		},
		Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	for _, f := range []*os.File{printing.to, reporting.to, interrupts.from} {
		_ = f.Close()
	}
	if err != nil {
		return nil, nil, unstarted(err)
	}
	w.process, w.interrupts = process, interrupts.to
	return reporting.from, printing.from, nil
}

// wait waits for the end of the worker. A worker that SIGSTOP has stopped could not
// put the terminal in order.
func (w *worker) wait() error {
	state, err := child.Wait(w.process.Pid, w.rescue)
	w.ending = endingOf(state)
	return exitcode.Mark(exitcode.Failed, err)
}

func endingOf(state syscall.WaitStatus) ending {
	if !state.Signaled() {
		return ending{status: state.ExitStatus()}
	}
	return ending{signal: unix.SignalName(state.Signal()), killed: state.Signal() == unix.SIGKILL}
}

func (w *worker) kill() { _ = unix.Kill(w.process.Pid, unix.SIGKILL) }
