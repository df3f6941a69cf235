//go:build amd64 || arm64

package supervisor

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/exitcode"
	"byok/internal/printable"
)

// end says how the worker ended, unless it has said so itself, and returns the
// exit status of the program.
func (w *worker) end(p *command.Program, args []string) int {
	said, crash := w.words()
	err := w.failure(p.Version, crash, nextStep(args))
	if err == nil {
		quote(p, said)
		return *w.status
	}
	w.rescue()
	quote(p, said)
	if w.running == nil {
		w.running = command.Unrun(args)
	}
	return p.Abandon(w.running, err)
}

const again = "run the same command again: it takes up what was begun"

// nextStep is the hint for a library that ended its process, or never returned, as
// some do that the filter refuses a socket.
func nextStep(args []string) string {
	if wantsNetwork(args) {
		return again
	}
	return again + "; or " + confine.NetworkHint
}

// failure is nil for a worker that exited as it said it would.
func (w *worker) failure(version, crash, next string) error {
	if w.status != nil && w.state.Exited() && w.state.ExitStatus() == *w.status {
		return nil
	}
	if w.interrupted.Load() && w.state.Signaled() && w.state.Signal() == unix.SIGKILL {
		return exitcode.Errorf(exitcode.Interrupted, "interrupted before the step under way was finished").
			Hint("%s", next)
	}
	if strings.HasPrefix(crash, "panic: ") {
		return exitcode.Errorf(exitcode.Failed, "internal error: %s", crash).Hint("report it with version %s", version)
	}
	how := crash
	switch {
	case how != "":
	case w.state.Signaled() && w.state.Signal() == unix.SIGKILL:
		how, next = "killed by SIGKILL", again // which no library does to itself
	case w.state.Signaled():
		how = "killed by " + unix.SignalName(w.state.Signal())
	default:
		how = "exit status " + strconv.Itoa(w.state.ExitStatus())
	}
	const what = "the process that runs the HSM's library ended unexpectedly: %s"
	return exitcode.Errorf(exitcode.HSM, what, how).Hint("%s", next)
}

// crashed is the first line of a report by Go's runtime: of a signal, such as
// "SIGSEGV: segmentation violation", of an error that it cannot survive, or of
// a panic outside a command.
var crashed = regexp.MustCompile(`(?m)^(?:SIG[A-Z]+: |fatal error: |panic: |runtime: ).*$`)

// crashStatus is the status with which Go's runtime then exits.
const crashStatus = 2

// words are what the library printed, and the first line of the report that Go's
// runtime printed behind it, or "".
func (w *worker) words() (said, crash string) {
	found := crashed.FindStringIndex(w.printed)
	if found == nil || !w.state.Exited() || w.state.ExitStatus() != crashStatus {
		return w.printed, ""
	}
	return w.printed[:found[0]], shortened(w.printed[found[0]:found[1]])
}

// What is shown of a library's own words.
const (
	quotedLines = 5
	quotedBytes = 200 // of a line
)

// quote shows what a library said.
func quote(p *command.Program, said string) {
	if said == "" {
		return
	}
	lines := strings.Split(strings.TrimRight(said, "\n"), "\n")
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
