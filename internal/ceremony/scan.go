package ceremony

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"byok/internal/exitcode"
	"byok/internal/stamp"
	"byok/internal/strictjson"
)

// scan checks the chain of one log. A fault in one of the first excused lines is
// a warning: a statement names it and gives the reason.
type scan struct {
	Record
	how     Reading
	excused int
	chain   link
	wanted  map[int][]Head // heads to look for, by their lines
	last    Event
	open    map[int]string // commands without an end, by the number of their begin
	created bool           // the event that a world's log begins with was seen
	torn    []int          // lines that were cut short
	cut     bool           // the last line is, and has its end
	clock   []string       // warnings
	seals   error          // the first that does not hold
}

func newScan(path string, how Reading, excused int) *scan {
	s := &scan{Record: Record{Path: path, contained: map[Head]bool{}}, how: how, excused: excused,
		wanted: map[int][]Head{}, open: map[int]string{}}
	for _, h := range how.Heads {
		s.lookFor(h.Head)
	}
	return s
}

func (s *scan) lookFor(h Head) { s.wanted[h.Lines] = append(s.wanted[h.Lines], h) }

// read checks a whole log.
func (s *scan) read(log *io.SectionReader) (Record, error) {
	if err := s.checkWhole(log); err != nil && s.excused == 0 {
		return s.Record, err
	}
	s.mark()
	text := newLines(counting{log, s.how.Progress}, log.Size())
	for {
		line, ended, err := text.next()
		if errors.Is(err, io.EOF) {
			return s.Record, s.end()
		}
		if err == nil {
			err = s.line(line, ended)
		}
		if err != nil {
			return s.Record, err
		}
	}
}

// counting reports how much is read.
type counting struct {
	io.Reader
	progress func(n int64)
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.progress != nil {
		c.progress(int64(n))
	}
	return n, err
}

// line checks the next line.
func (s *scan) line(line []byte, ended bool) error {
	n := s.chain.line + 1
	e, cut, err := s.event(n, line)
	switch {
	case err != nil && n > s.excused:
		return exitcode.Hint(err, "%s", hintAltered)
	case err != nil:
		s.warn("%v", err)
	case !cut:
		s.take(e)
	}
	if cut || !ended {
		s.torn = append(s.torn, n)
	}
	s.cut = cut && ended
	s.chain.add(line, cut)
	s.mark()
	return nil
}

// mark looks whether the head that the log has now is one that was asked for.
func (s *scan) mark() {
	for _, h := range s.wanted[s.chain.line] {
		if h == s.chain.head() {
			s.contained[h] = true
		}
	}
}

// event reads line n, and reports whether it was cut short. Whether a torn line may
// be there is for the next whole line to say.
func (s *scan) event(n int, line []byte) (e Event, cut bool, err error) {
	at := s.Path + ": line " + strconv.Itoa(n)
	if bytes.IndexByte(line, 0) >= 0 {
		return e, true, exitcode.Errorf(exitcode.Check,
			"%s: zero bytes; the record was overwritten there, or its medium lost it", at)
	}
	if err := strictjson.Unmarshal(at, line, MaxEvent, &e); err != nil {
		if torn(line) {
			return e, true, nil
		}
		return e, false, exitcode.Mark(exitcode.Check, err)
	}
	if err := s.follows(at, e, n); err != nil {
		return e, false, err
	}
	if err := e.check(); err != nil {
		return e, false, exitcode.Errorf(exitcode.Check, "%s: %w", at, err)
	}
	if again, err := encode(e); err != nil || !bytes.Equal(again, line) {
		return e, false, exitcode.Errorf(exitcode.Check, "%s: not as the program writes it; the log was altered there", at)
	}
	return e, false, nil
}

// follows holds the event of line n to the lines before it.
func (s *scan) follows(at string, e Event, n int) error {
	switch {
	case n > 1 && e.Seq == 1 && e.Previous.IsZero():
		return exitcode.Errorf(exitcode.Check, "%s: a second log begins here; two logs were joined", at)
	case e.Seq != n:
		return exitcode.Errorf(exitcode.Check, "%s: numbered %d; a line was removed or added", at, e.Seq)
	case e.Previous == s.chain.head().SHA256:
		return nil
	case n == 1:
		return exitcode.Errorf(exitcode.Check, "%s: carries the hash of a line before it; the log was altered there", at)
	case s.chain.torn:
		return exitcode.Errorf(exitcode.Check, "%s: line %d: not a whole event, and line %d does not carry its hash; "+
			"the log was altered there", s.Path, n-1, n)
	}
	return exitcode.Errorf(exitcode.Check, "%s: does not carry the hash of line %d; "+
		"the log was altered there or before", at, n-1)
}

// take takes an event that holds.
func (s *scan) take(e Event) {
	s.Count++
	if s.how.Each != nil {
		s.how.Each(e)
	} else {
		s.Events = append(s.Events, e)
	}
	switch e.Phase {
	case Begin:
		s.open[e.Seq] = e.Program + " " + e.Command
		s.begins(e)
	case End:
		delete(s.open, e.Began)
	case Sealed:
		s.seal(e)
	case Noted:
	}
	s.told(e)
	s.last = e
}

// begins lists what ran before the world was created.
func (s *scan) begins(e Event) {
	switch {
	case s.created || len(s.how.Heads) == 0:
	case e.Command == creation:
		s.created = true
	default:
		s.Before = append(s.Before, fmt.Sprintf("line %d: %s %s", e.Seq, e.Program, e.Command))
	}
}

func (s *scan) seal(e Event) {
	if s.how.Seal == nil || s.seals != nil {
		return
	}
	if err := s.how.Seal(Head{e.Seq - 1, e.Previous}, *e.Seal); err != nil {
		s.seals = exitcode.Mark(exitcode.Check, fmt.Errorf("%s: line %d: the seal does not hold: %w", s.Path, e.Seq, err))
	}
}

// atOnce is how much earlier an event may be than the one before it: commands
// that begin at once wait for each other to be recorded.
const atOnce = 2 * time.Second

// told names the first event of each run of them that is earlier than one before it.
func (s *scan) told(e Event) {
	if before := s.last; s.Count > 1 && e.Time.Before(before.Time.Add(-atOnce)) {
		s.clock = append(s.clock, fmt.Sprintf("line %d: its time %s is before that of line %d, %s: the clock was set back",
			e.Seq, stamp.Text(e.Time), before.Seq, stamp.Text(before.Time)))
	}
}

// end judges the log as a whole.
func (s *scan) end() error {
	if n := s.chain.line; n > s.excused && s.cut {
		return s.altered("line %d: not a whole event; the log was altered there", n)
	}
	s.Head = s.chain.head()
	for _, n := range s.torn {
		s.warn("line %d was cut short while it was written; the chain continues across it", n)
	}
	if s.Head.Lines == 0 {
		s.warn("the log has no events")
	}
	for _, n := range slices.Sorted(maps.Keys(s.open)) {
		s.warn("line %d: %s has no end: killed, or still running", n, s.open[n])
	}
	s.Warnings = append(s.Warnings, s.clock...)
	if err := s.checkHeads(); err != nil {
		return err
	}
	if err := s.checkCreation(); err != nil {
		return err
	}
	return s.seals
}

func (r *Record) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

func (r *Record) altered(format string, args ...any) error {
	return exitcode.Errorf(exitcode.Check, "%s: %s", r.Path, fmt.Sprintf(format, args...)).Hint("%s", hintAltered)
}
