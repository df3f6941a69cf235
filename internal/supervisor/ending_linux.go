//go:build amd64 || arm64

package supervisor

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/printable"
)

// end says how the worker ended, unless it has said so itself, and returns the
// exit status of the program.
func (w *worker) end(p *command.Program, args []string) int {
	err := w.failure(p.Version)
	if err == nil {
		w.quote(p)
		return *w.status
	}
	w.rescue()
	if w.running == nil {
		w.running = command.Unrun(args)
	}
	return p.Abandon(w.running, err)
}

const again = "run the same command again: it takes up what was begun"

// failure is nil for a worker that exited as it said it would.
func (w *worker) failure(version string) error {
	if w.status != nil && w.state.Exited() && w.state.ExitStatus() == *w.status {
		return nil
	}
	if w.interrupted.Load() && w.state.Signaled() && w.state.Signal() == unix.SIGKILL {
		return exitcode.Errorf(exitcode.Interrupted, "interrupted before the step under way was finished").Hint(again)
	}
	how := w.crash()
	if strings.HasPrefix(how, "panic: ") {
		return exitcode.Errorf(exitcode.Failed, "internal error: %s", how).Hint("report it with version %s", version)
	}
	switch {
	case how != "":
	case w.state.Signaled():
		how = "killed by " + unix.SignalName(w.state.Signal())
	default:
		how = "exit status " + strconv.Itoa(w.state.ExitStatus())
	}
	return exitcode.Errorf(exitcode.HSM, "the process that runs the HSM's library ended unexpectedly: %s", how).Hint(again)
}

// crashed is the first line of a report by Go's runtime: of a signal, such as
// "SIGSEGV: segmentation violation", of an error that it cannot survive, or of
// a panic outside a command.
var crashed = regexp.MustCompile(`(?m)^(?:SIG[A-Z]+: |fatal error: |panic: |runtime: ).*$`)

// crashStatus is the status with which Go's runtime then exits.
const crashStatus = 2

// crash is that line of a worker that ended so, or "".
func (w *worker) crash() string {
	if !w.state.Exited() || w.state.ExitStatus() != crashStatus {
		return ""
	}
	return shortened(crashed.FindString(w.printed))
}

// What is shown of a library's own words.
const (
	quotedLines = 5
	quotedBytes = 200 // of a line
)

// quote shows what the library printed.
func (w *worker) quote(p *command.Program) {
	if w.printed == "" {
		return
	}
	lines := strings.Split(strings.TrimRight(w.printed, "\n"), "\n")
	for i, line := range lines {
		if i == quotedLines {
			p.Console.Warning("the HSM's library printed more lines")
			return
		}
		p.Console.Warning("the HSM's library printed: %s", shortened(line))
	}
}

// shortened is a line of foreign text as it may be shown, in part if it is long.
func shortened(line string) string {
	if len(line) > quotedBytes {
		line = strings.ToValidUTF8(line[:quotedBytes], "") + "…"
	}
	return printable.Escape(line)
}
