package ceremony

import (
	"bytes"
	"fmt"
	"path/filepath"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/strictjson"
)

// Record is a log as read back.
type Record struct {
	Path     string          `json:"log"`
	Events   []Event         `json:"events"`
	Head     fingerprint.Sum `json:"head"`               // what the next event will carry: the hash of the last line; what a seal signs
	Warnings []string        `json:"warnings,omitempty"` // torn lines, commands that never ended
}

// Read reads the log in dir/local and checks it whole: every line decodes, the
// numbers follow, and each line carries the hash of the one before. The first
// fault ends it, status 3, naming the line; the events up to there are returned.
//
// What is caught: any line but the last that was changed, and any line that
// was removed, added, doubled or moved, unless it was at the end.
//
// What is not caught: a hash chain has no key. Whoever may write the file can
// cut off its last events, change the last one into another event, or write
// the whole log anew. That shows only against a head noted elsewhere or sealed.
//
// A power cut can leave a torn line, the beginning of an event or nothing but
// its line end missing. That is a warning, at the end of the log as well as
// further up, where the next event carries the hash of the torn line and of
// the whole one before it. Read may run while another program appends; what it
// takes for a torn line then is one being written.
func Read(dir string) (Record, error) {
	path := filepath.Join(dir, "local", FileName)
	data, err := readLog(path)
	if err != nil {
		return Record{Path: path}, err
	}
	return check(path, data)
}

func check(path string, data []byte) (Record, error) {
	r := Record{Path: path}
	lines := split(data)
	for i := range lines {
		if err := r.add(lines, i); err != nil {
			return r, err
		}
	}
	ended := bytes.HasSuffix(data, []byte("\n"))
	if n := len(lines); n > 0 && ended && torn(lines[n-1]) {
		return r, exitcode.Errorf(exitcode.Check, "%s: line %d: is no whole event: the record was altered there", r.Path, n)
	}
	r.Head = link(lines)
	r.warnTorn(lines, ended)
	r.warnUnended()
	return r, nil
}

// add checks line i and takes its event. Whether a torn line may be there is
// for the next whole line to say.
func (r *Record) add(lines [][]byte, i int) error {
	if torn(lines[i]) {
		return nil
	}
	at := fmt.Sprintf("%s: line %d", r.Path, i+1)
	var e Event
	if err := strictjson.Unmarshal(at, lines[i], maxLine, &e); err != nil {
		return exitcode.Mark(exitcode.Check, err)
	}
	switch {
	case e.Phase != Begin && e.Phase != End:
		return exitcode.Errorf(exitcode.Check, "%s: field phase: expected %q or %q", at, Begin, End)
	case e.Seq != i+1:
		return exitcode.Errorf(exitcode.Check, "%s: says it is event %d: a line was removed or added", at, e.Seq)
	case e.Previous == link(lines[:i]):
		r.Events = append(r.Events, e)
		return nil
	case i == 0:
		return exitcode.Errorf(exitcode.Check, "%s: carries the hash of a line before it: the record was altered there", at)
	case torn(lines[i-1]):
		return exitcode.Errorf(exitcode.Check, "%s: line %d: is no whole event, and line %d does not carry its hash: the record was altered there", r.Path, i, i+1)
	}
	return exitcode.Errorf(exitcode.Check, "%s: does not carry the hash of line %d: the record was altered there or before", at, i)
}

func (r *Record) warnTorn(lines [][]byte, ended bool) {
	for i, line := range lines {
		if torn(line) || i == len(lines)-1 && !ended {
			r.warn("line %d was cut short while it was written; the chain goes on over it", i+1)
		}
	}
	if len(lines) == 0 {
		r.warn("the log has no events")
	}
}

func (r *Record) warnUnended() {
	ended := map[int]bool{}
	for _, e := range r.Events {
		ended[e.Ends] = true
	}
	for _, e := range r.Events {
		if e.Phase == Begin && !ended[e.Seq] {
			r.warn("line %d: %s %s has no end: killed, or still running", e.Seq, e.Program, e.Command)
		}
	}
}

func (r *Record) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}
