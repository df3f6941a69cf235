//go:build amd64 || arm64

package supervisor

import (
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"byok/internal/command"
	"byok/internal/confine"
)

// Values of [Variable].
const (
	outside = "outside" // of the domain, which the worker enters first of all
	inside  = "inside"
)

// What a worker finds open, beside standard input.
const (
	outputDescriptor    = 3 // the program's standard output
	errorsDescriptor    = 4 // the program's standard error
	reportDescriptor    = 5 // takes lines of [report]
	interruptDescriptor = 6 // gives the numbers of signals, a byte each
)

// workerEnvironment is the listed environment with what makes a worker.
func workerEnvironment(where string) []string {
	listed := slices.DeleteFunc(confine.Environment(os.Environ()), func(v string) bool {
		return strings.HasPrefix(v, Variable+"=")
	})
	return append(listed, Variable+"="+where, "GOTRACEBACK=none")
}

// IsWorker reports whether this process is a worker: it has a worker's
// environment, nothing more, and the descriptors are open.
func IsWorker() bool {
	for fd := outputDescriptor; fd <= interruptDescriptor; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			return false
		}
	}
	return slices.Equal(os.Environ(), workerEnvironment(os.Getenv(Variable)))
}

// work runs the program as the worker, and returns its exit status.
func work(program New, args []string) int {
	reports := os.NewFile(reportDescriptor, "reports")
	p := program(os.Stdin, os.NewFile(outputDescriptor, "/dev/stdout"), os.NewFile(errorsDescriptor, "/dev/stderr"))
	status := 0
	if os.Getenv(Variable) == outside {
		status = p.Abandon(command.Unrun(args), enter(args)) // which has failed if it returns
	} else {
		for fd := outputDescriptor; fd <= interruptDescriptor; fd++ {
			unix.CloseOnExec(fd) // what it starts has no part in them
		}
		status = run(p, args, reports, os.NewFile(interruptDescriptor, "interrupts"))
	}
	send(reports, report{Status: &status})
	return status
}

// enter starts this program again inside the domain of package confine, which
// holds a thread and what it starts: the supervisor stays outside as a whole.
func enter(args []string) error {
	runtime.LockOSThread()
	if err := confine.EnterDomain(wantsNetwork(args)); err != nil {
		return err
	}
	// It is this thread that becomes the next program's first.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return unstarted(os.NewSyscallError("prctl", err))
	}
	return unstarted(unix.Exec("/proc/self/exe", os.Args, workerEnvironment(inside)))
}
