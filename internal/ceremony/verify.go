package ceremony

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/stamp"
	"byok/internal/strictjson"
)

// Record is a log as read back.
type Record struct {
	Path     string   `json:"log"`
	Events   []Event  `json:"events"`
	Head     Head     `json:"head"`               // of the whole log
	Before   []string `json:"before,omitempty"`   // commands that ran before the world was created
	Warnings []string `json:"warnings,omitempty"` // torn lines, commands that never ended, a clock set back

	sums []fingerprint.Sum // sums[n] is the hash that the event behind line n carries
}

// hintAltered is the next step after a log that was altered.
const hintAltered = "keep this kmdata folder as it is, and compare its log with that of another copy"

// Read reads the log in dir/local and checks it by itself: every line decodes
// and is as the program writes it, the numbers follow, and each line carries
// the hash of the one before. The first fault ends it, status 3, naming the
// line; the events up to there are returned.
//
// What is caught: any line but the last that was changed, and any line that
// was removed, added, doubled or moved, unless it was at the end.
//
// What is not caught: a hash chain has no key. Whoever may write the file can
// cut off its last events, change the last one into another event, or write
// the whole log again. That shows only against a head kept elsewhere: see
// [Check] and [Record.CheckSeals].
//
// A power cut can leave a torn line, the beginning of an event or nothing but
// its line end missing. That is a warning, at the end of the log as well as
// further up, where the next event carries the hash of the torn line and of
// the whole one before it.
func Read(dir string) (Record, error) { return Check(dir, nil) }

// Parse is [Read] for the content of a log, which errors call path.
func Parse(path string, data []byte) (Record, error) { return scan(path, data, 0) }

// scan checks the chain. A fault in one of the first excused lines is a
// warning: a statement names it and gives the reason.
func scan(path string, data []byte, excused int) (Record, error) {
	r := Record{Path: path}
	if err := r.checkWhole(data); err != nil && excused == 0 {
		return r, err
	}
	lines := split(data)
	for i := range lines {
		r.sums = append(r.sums, link(lines[:i]))
		err := r.add(lines, i)
		switch {
		case err != nil && i >= excused:
			return r, exitcode.Hint(err, "%s", hintAltered)
		case err != nil:
			r.warn("%v", err)
		}
	}
	ended := bytes.HasSuffix(data, []byte("\n"))
	if n := len(lines); n > excused && ended && torn(lines[n-1]) {
		return r, r.altered("line %d: not a whole event; the log was altered there", n)
	}
	r.sums = append(r.sums, link(lines))
	r.Head = Head{len(lines), link(lines)}
	r.warnTorn(lines, ended)
	r.warnUnended()
	r.warnClock()
	return r, nil
}

// checkWhole names what befalls a whole file.
func (r *Record) checkWhole(data []byte) error {
	switch {
	case len(data) > 0 && bytes.Count(data, []byte{0}) == len(data):
		return r.altered("nothing but zero bytes; the record was overwritten, or its medium lost it")
	case bytes.HasSuffix(data, []byte("\r\n")) && bytes.Count(data, []byte("\n")) == bytes.Count(data, []byte("\r\n")):
		return r.altered("its lines end in CR LF: it was copied in text mode")
	}
	if err := strictjson.CheckEncoding(data); err != nil {
		return r.altered("%v", err)
	}
	return nil
}

func (r *Record) altered(format string, args ...any) error {
	return exitcode.Errorf(exitcode.Check, "%s: %s", r.Path, fmt.Sprintf(format, args...)).Hint("%s", hintAltered)
}

// add checks line i and takes its event. Whether a torn line may be there is
// for the next whole line to say.
func (r *Record) add(lines [][]byte, i int) error {
	at := fmt.Sprintf("%s: line %d", r.Path, i+1)
	if bytes.IndexByte(lines[i], 0) >= 0 {
		return exitcode.Errorf(exitcode.Check, "%s: zero bytes; the record was overwritten there, or its medium lost it", at)
	}
	if torn(lines[i]) {
		return nil
	}
	var e Event
	if err := strictjson.Unmarshal(at, lines[i], maxLine, &e); err != nil {
		return exitcode.Mark(exitcode.Check, err)
	}
	if err := r.follows(at, e, lines, i); err != nil {
		return err
	}
	if err := e.check(); err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: %w", at, err)
	}
	if again, err := encode(e); err != nil || !bytes.Equal(again, lines[i]) {
		return exitcode.Errorf(exitcode.Check, "%s: not as the program writes it; the log was altered there", at)
	}
	r.Events = append(r.Events, e)
	return nil
}

func (e Event) check() error {
	switch e.Phase {
	case Begin, End, Noted, Sealed:
	default:
		return fmt.Errorf("field phase: expected %q, %q, %q or %q", Begin, End, Noted, Sealed)
	}
	if (e.Phase == Begin) != (e.Began == 0) || e.Began < 0 || e.Began >= e.Seq {
		return errors.New("field began: expected the number of an earlier event, except in a begin")
	}
	if (e.Phase == Sealed) != (e.Seal != nil) {
		return errors.New("field seal: a seal has one, and nothing else has")
	}
	if e.Phase != Begin && !e.Executable.IsZero() {
		return errors.New("field program_sha256: only a begin has one")
	}
	if err := stamp.Check(e.Time); err != nil {
		return fmt.Errorf("field time: %w", err)
	}
	return nil
}

// follows holds an event to the lines before it.
func (r *Record) follows(at string, e Event, lines [][]byte, i int) error {
	switch {
	case i > 0 && e.Seq == 1 && e.Previous.IsZero():
		return exitcode.Errorf(exitcode.Check, "%s: a second log begins here; two logs were joined", at)
	case e.Seq != i+1:
		return exitcode.Errorf(exitcode.Check, "%s: numbered %d; a line was removed or added", at, e.Seq)
	case e.Previous == r.sums[i]:
		return nil
	case i == 0:
		return exitcode.Errorf(exitcode.Check, "%s: carries the hash of a line before it; the log was altered there", at)
	case torn(lines[i-1]):
		return exitcode.Errorf(exitcode.Check, "%s: line %d: not a whole event, and line %d does not carry its hash; "+
			"the log was altered there", r.Path, i, i+1)
	}
	return exitcode.Errorf(exitcode.Check, "%s: does not carry the hash of line %d; "+
		"the log was altered there or before", at, i)
}

func (r *Record) warnTorn(lines [][]byte, ended bool) {
	for i, line := range lines {
		if torn(line) || i == len(lines)-1 && !ended {
			r.warn("line %d was cut short while it was written; the chain continues across it", i+1)
		}
	}
	if len(lines) == 0 {
		r.warn("the log has no events")
	}
}

func (r *Record) warnUnended() {
	ended := map[int]bool{}
	for _, e := range r.Events {
		ended[e.Began] = ended[e.Began] || e.Phase == End
	}
	for _, e := range r.Events {
		if e.Phase == Begin && !ended[e.Seq] {
			r.warn("line %d: %s %s has no end: killed, or still running", e.Seq, e.Program, e.Command)
		}
	}
}

// atOnce is how much earlier an event may be than the one before it: commands
// that begin at once wait for each other to be recorded.
const atOnce = 2 * time.Second

// warnClock names the first event of each run of them that is earlier than
// one before it.
func (r *Record) warnClock() {
	for i := 1; i < len(r.Events); i++ {
		if before, e := r.Events[i-1], r.Events[i]; e.Time.Before(before.Time.Add(-atOnce)) {
			r.warn("line %d: its time %s is before that of line %d, %s: the clock was set back",
				e.Seq, stamp.Text(e.Time), before.Seq, stamp.Text(before.Time))
		}
	}
}

func (r *Record) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}
