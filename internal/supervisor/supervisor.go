// Package supervisor runs a program as a worker process under the eyes of
// another one, which loads no HSM library and so outlives whatever a library
// does to its process.
//
// The worker does all the work. The supervisor starts it with the listed
// environment of package confine; the worker enters that package's domain and
// starts itself once more inside it. The supervisor passes signals on to it,
// and stops and continues with it. When the worker ends without having said so
// (a crash, an exit or a signal inside the library), the supervisor puts the
// terminal in order, says in one line what happened, writes the end of the step
// to the ceremony log, and exits with status HSM. What a library prints does
// not mix with results: the worker's standard output and error are a pipe of
// the supervisor's, which shows it as warnings, and the program's own are
// passed to the worker beside them.
//
// One command of byok-offline has no supervisor: ceremony run, which loads no library
// and starts this program again for each step, as a supervisor with a worker. It is
// behind the same filter.
//
// On Windows it is the same, without domain and filter: handles are inherited in place
// of descriptors, and a job has the system end the worker with its supervisor. There is
// one process, and no supervisor, on systems other than these two.
//
// It contains accidents. A hostile library owns its process and can forge what
// the worker says, its results included. It cannot reach what the table of
// package confine shows, nor the supervisor, which is outside the domain and
// behind the same filter.
package supervisor

import (
	"io"

	"byok/internal/command"
)

// New makes the program that writes its results and messages to out and errs.
type New func(in io.Reader, out, errs io.Writer) *command.Program
