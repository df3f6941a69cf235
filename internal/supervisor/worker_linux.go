//go:build amd64 || arm64

package supervisor

import (
	"context"
	"encoding/json"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"byok/internal/command"
	"byok/internal/interrupt"
)

// Variable is in the environment of a worker. The name is one that
// [confine.Environment] passes on.
const Variable = "BYOK_WORKER"

// What a worker finds open, beside standard input.
const (
	outputDescriptor    = 3 // the program's standard output
	errorsDescriptor    = 4 // the program's standard error
	reportDescriptor    = 5 // takes lines of [report]
	interruptDescriptor = 6 // gives the numbers of signals, a byte each
)

// report is one line from a worker. The last one of each kind counts.
type report struct {
	Running *command.Running `json:"running,omitempty"` // the command under way
	Status  *int             `json:"status,omitempty"`  // with which it is about to exit
}

// IsWorker reports whether this process is a worker: it has the variable, and
// the descriptors are open.
func IsWorker() bool {
	_, err := unix.FcntlInt(interruptDescriptor, unix.F_GETFD, 0)
	return os.Getenv(Variable) != "" && err == nil
}

// work runs the program as the worker, and returns its exit status.
func work(program New, args []string) int {
	for fd := outputDescriptor; fd <= interruptDescriptor; fd++ {
		unix.CloseOnExec(fd) // what it starts has no part in them
	}
	_ = os.Unsetenv(Variable)
	interrupt.Relay(os.NewFile(interruptDescriptor, "interrupts"))
	reports := os.NewFile(reportDescriptor, "reports")
	p := program(os.Stdin, os.NewFile(outputDescriptor, "/dev/stdout"), os.NewFile(errorsDescriptor, "/dev/stderr"))
	p.Process = os.Getppid()
	p.Watch = func(r command.Running) { send(reports, report{Running: &r}) }
	status := p.Main(context.Background(), args)
	send(reports, report{Status: &status})
	return status
}

// send writes a line. Where nobody listens any more, this process is about to
// end as well.
func send(w io.Writer, r report) {
	if line, err := json.Marshal(r); err == nil {
		_, _ = w.Write(append(line, '\n'))
	}
}
