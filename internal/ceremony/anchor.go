package ceremony

import (
	"byok/internal/exitcode"
	"byok/internal/printable"
)

// creation is the command that a world's log begins with.
const creation = "world create"

// Check is [Read] for the log of a world: it also holds the log to the heads
// that the world's signed statements carry, in the order of their numbers. A
// log that was emptied, zeroed, cut, replaced by another or rewritten does not
// contain every head, and fails with status 3. Without heads, Check is Read.
//
// A statement with a break says that the log before it is known to be damaged:
// what is wrong up to its head is then a warning. The log of a world begins
// with "world create"; what ran before is listed in Record.Before.
//
// What is not caught: events behind the last head can be cut off or rewritten.
func Check(dir string, heads []Anchored) (Record, error) { return Reading{Heads: heads}.Check(dir) }

// Check is the function [Check] for a reader who says how.
func (how Reading) Check(dir string) (Record, error) {
	path := Path(dir)
	log, err := openLog(path)
	if err != nil {
		r := Record{Path: path}
		if len(how.Heads) == 0 || exitcode.Of(err) != exitcode.Usage {
			return r, err
		}
		last := how.Heads[len(how.Heads)-1]
		return r, r.altered("missing, but statement %d was signed over %s of it", last.Statement, linesOf(last))
	}
	defer log.Close()
	return newScan(path, how, how.broken().Head.Lines).read(log.SectionReader)
}

// ReadSince is [Read] for whoever vouched for the log up to a head already,
// such as a session before it signs the next statement: what is wrong in the
// lines up to the head is a warning, a fault behind it fails with status 3. Its
// events are those behind the head. Whether the log contains the head is for
// [Record.Contains] to say.
func ReadSince(dir string, head Head) (Record, error) {
	log, err := openLog(Path(dir))
	if err != nil {
		return Record{Path: Path(dir)}, err
	}
	defer log.Close()
	var since []Event
	s := newScan(Path(dir), Reading{Each: func(e Event) {
		if e.Seq > head.Lines {
			since = append(since, e)
		}
	}}, head.Lines)
	s.lookFor(head)
	r, err := s.read(log.SectionReader)
	r.Events = since
	return r, err
}

func linesOf(a Anchored) string { return printable.Count(a.Head.Lines, "line") }

// broken returns the newest statement with a break, or nothing.
func (how Reading) broken() (newest Anchored) {
	for _, h := range how.Heads {
		if h.Break != "" {
			newest = h
		}
	}
	return newest
}

// checkHeads looks for every head. One that a later statement excuses is a warning.
func (s *scan) checkHeads() error {
	broken := s.how.broken()
	for _, h := range s.how.Heads {
		if s.Contains(h.Head) {
			continue
		}
		err := s.missing(h)
		if h.Statement >= broken.Statement {
			return err
		}
		s.warn("%v; statement %d gives the reason: %s", err, broken.Statement, broken.Break)
	}
	return nil
}

// missing says how the log fails to contain a head.
func (r *Record) missing(h Anchored) error {
	switch n := r.Head.Lines; {
	case n == 0:
		return r.altered("empty, but statement %d was signed over %s; the log was emptied", h.Statement, linesOf(h))
	case n < h.Head.Lines:
		return r.altered("ends with line %d, but statement %d was signed over %s; "+
			"its end was cut off, or this is an older copy", n, h.Statement, linesOf(h))
	}
	return r.altered("line %d is not the one that statement %d was signed over; "+
		"the log was rewritten, or is another world's", h.Head.Lines, h.Statement)
}

// checkCreation looks for the event that a world's log begins with.
func (s *scan) checkCreation() error {
	if len(s.how.Heads) == 0 || s.created {
		return nil
	}
	s.Before = nil
	if s.how.broken().Break != "" {
		return nil
	}
	return s.altered("no %s in it, but there is a world", creation)
}
