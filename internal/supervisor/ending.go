//go:build windows || (linux && (amd64 || arm64))

package supervisor

import (
	"regexp"
	"strconv"
	"strings"

	"byok/internal/command"
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

// again is the hint for a worker that ended before its step did.
const again = "run the same command again: it takes up what was begun"

// ending is how a worker's process ended.
type ending struct {
	status int    // with which it exited
	signal string // the signal or exception that ended it: "SIGSEGV"; "" if it exited
	killed bool   // by a person, or by itself for one; no library does that
}

// failure is nil for a worker that exited as it said it would.
func (w *worker) failure(version, crash, next string) error {
	if w.status != nil && w.ending == (ending{status: *w.status}) {
		return nil
	}
	if w.interrupted.Load() && w.ending.killed {
		return exitcode.Errorf(exitcode.Interrupted, "interrupted before the step under way was finished").
			Hint("%s", next)
	}
	if strings.HasPrefix(crash, "panic: ") {
		return exitcode.Errorf(exitcode.Failed, "internal error: %s", crash).Hint("report it with version %s", version)
	}
	how := crash
	switch {
	case how != "":
	case w.ending.signal != "":
		how = "killed by " + w.ending.signal
	default:
		how = "exit status " + strconv.Itoa(w.ending.status)
	}
	if w.ending.killed {
		next = again
	}
	const what = "the process that runs the HSM's library ended unexpectedly: %s"
	return exitcode.Errorf(exitcode.HSM, what, how).Hint("%s", next)
}

// crashed is the first line of a report by Go's runtime: of a signal, such as
// "SIGSEGV: segmentation violation", of an exception of Windows, whose number alone
// says something to a person, of an error that it cannot survive, or of a panic
// outside a command.
var crashed = regexp.MustCompile(`(?m)^(?:Exception 0x[0-9a-f]+|(?:SIG[A-Z]+: |fatal error: |panic: |runtime: ).*$)`)

// crashStatus is the status with which Go's runtime then exits.
const crashStatus = 2

// words are what the library printed, and the first line of the report that Go's
// runtime printed behind it, or "".
func (w *worker) words() (said, crash string) {
	found := crashed.FindStringIndex(w.printed)
	if found == nil || w.ending != (ending{status: crashStatus}) {
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
		p.Console.Warning("the HSM's library printed: %s", shortened(strings.TrimSuffix(line, "\r")))
	}
}

// shortened is a line of foreign text as it may be shown, in part if it is long.
func shortened(line string) string {
	if len(line) > quotedBytes {
		line = strings.ToValidUTF8(line[:quotedBytes], "") + "…"
	}
	return printable.Escape(line)
}
