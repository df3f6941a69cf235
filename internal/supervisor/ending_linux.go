//go:build amd64 || arm64

package supervisor

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"byok/internal/command"
	"byok/internal/exitcode"
)

// end says how the worker ended, unless it has said so itself, and returns the
// exit status of the program.
func (w *worker) end(p *command.Program) int {
	err := w.failure(p.Version)
	if err == nil {
		w.quote(p)
		return *w.status
	}
	w.rescue()
	return p.Abandon(w.running, err)
}

// failure is nil for a worker that exited as it said it would.
func (w *worker) failure(version string) error {
	if w.status != nil && w.state.Exited() && w.state.ExitStatus() == *w.status {
		return nil
	}
	if w.interrupted.Load() && w.state.Signaled() && w.state.Signal() == unix.SIGKILL {
		return exitcode.Errorf(exitcode.Interrupted, "interrupted before the HSM's library returned").
			Hint("run the same command again: it takes up what was begun")
	}
	crash := crashed(w.printed)
	if strings.HasPrefix(crash, "panic: ") {
		return exitcode.Errorf(exitcode.Failed, "internal error: %s", crash).
			Hint("report it with version %s", version)
	}
	how := crash
	switch {
	case crash != "":
	case w.state.Signaled():
		how = "killed by " + unix.SignalName(w.state.Signal())
	default:
		how = "exit status " + strconv.Itoa(w.state.ExitStatus())
	}
	return exitcode.Errorf(exitcode.HSM, "the process that runs the HSM's library ended unexpectedly: %s", how).
		Hint("run the same command again: it takes up what was begun")
}

// crash is the first line of a report by Go's runtime: of a signal, such as
// "SIGSEGV: segmentation violation", of an error that it cannot survive, or of
// a panic outside a command.
var crash = regexp.MustCompile(`(?m)^(?:SIG[A-Z]+: |fatal error: |panic: |runtime: ).*$`)

func crashed(printed string) string { return crash.FindString(printed) }

// quoted is how many lines of a library's own are shown.
const quoted = 5

// quote shows what the library printed.
func (w *worker) quote(p *command.Program) {
	lines := strings.Split(strings.TrimRight(w.printed, "\n"), "\n")
	if w.printed == "" {
		return
	}
	for i, line := range lines {
		if i == quoted {
			p.Console.Warning("the HSM's library printed %d more lines", len(lines)-quoted)
			return
		}
		p.Console.Warning("the HSM's library printed: %s", line)
	}
}
