package command

import (
	"errors"
	"time"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/stamp"
)

// Running is a command under way, as another process needs to know it that has
// to end it in its place; see [Program.Abandon]. It encodes as JSON. The zero
// Running is a command whose result has been shown.
type Running struct {
	Command    string // "acl modify"
	JSON       bool   // --output json
	ResultLine bool

	// Of a step, once its begin is in the log; otherwise empty.
	KMData string          `json:",omitempty"`
	Began  int             `json:",omitempty"` // number of the begin event
	Start  time.Time       `json:",omitzero"`
	Event  *ceremony.Event `json:",omitempty"`
}

// watch says what is running, where somebody watches.
func (r *Run) watch() {
	if r.Program.Watch != nil {
		r.Program.Watch(r.running)
	}
}

// Unrun stands for a program that ended before its command began.
func Unrun(args []string) *Running { return &Running{JSON: wantsJSON(args)} }

// Abandon ends a command whose process has ended without a word: it says why,
// records the end of a step, and returns the exit status.
func (p *Program) Abandon(running *Running, cause error) int {
	cause = errors.Join(cause, running.record(cause))
	var failed error
	if running.JSON {
		failed = p.printJSON(running.Command, nil, cause)
	} else {
		failed = p.printText(nil, cause, running.ResultLine)
	}
	if failed != nil {
		p.report(unprinted(failed))
	}
	return int(exitcode.Of(cause))
}

// record puts the end of a step into the log.
func (r *Running) record(failed error) error {
	if r.Event == nil {
		return nil
	}
	log, err := ceremony.Open(r.KMData)
	if err == nil {
		_, err = log.Append(r.end(failed))
	}
	if err != nil {
		// Why not, in words that say nothing was done, does not fit here.
		return exitcode.Errorf(exitcode.Failed, "the end of this step could not be written to the log in %s", r.KMData).
			Hint("note it on paper, with the date and the time")
	}
	return nil
}

// end is the event that ends a step.
func (r *Running) end(failed error) ceremony.Event {
	e := *r.Event
	e.Phase, e.Began, e.Time = ceremony.End, r.Began, stamp.Now()
	e.Millis = time.Since(r.Start).Milliseconds()
	e.Result, e.Status = outcome(failed), int(exitcode.Of(failed))
	if failed != nil {
		e.Error = failed.Error()
	}
	return e
}
