package ceremony

import (
	"fmt"

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
func Check(dir string, heads []Anchored) (Record, error) {
	path := Path(dir)
	data, err := readLog(path)
	if err != nil {
		r := Record{Path: path}
		if len(heads) == 0 || exitcode.Of(err) != exitcode.Usage {
			return r, err
		}
		last := heads[len(heads)-1]
		return r, r.altered("missing, but statement %d was signed over %s of it", last.Statement, lines(last))
	}
	broken := lastBreak(heads)
	r, err := scan(path, data, broken.Head.Lines)
	if err != nil {
		return r, err
	}
	if err := r.checkHeads(heads, broken); err != nil {
		return r, err
	}
	return r, r.checkCreation(heads, broken)
}

// ReadSince is [Read] for whoever vouched for the log up to a head already,
// such as a session before it signs the next statement: what is wrong in the
// lines up to the head is a warning, a fault behind it fails with status 3.
// Whether the log contains the head is for [Record.Contains] to say.
func ReadSince(dir string, head Head) (Record, error) {
	data, err := readLog(Path(dir))
	if err != nil {
		return Record{Path: Path(dir)}, err
	}
	return scan(Path(dir), data, head.Lines)
}

func lines(a Anchored) string { return printable.Count(a.Head.Lines, "line") }

// lastBreak returns the newest statement with a break, or nothing.
func lastBreak(heads []Anchored) (broken Anchored) {
	for _, h := range heads {
		if h.Break != "" {
			broken = h
		}
	}
	return broken
}

// checkHeads looks for every head. One that a later statement excuses is a warning.
func (r *Record) checkHeads(heads []Anchored, broken Anchored) error {
	for _, h := range heads {
		if r.Contains(h.Head) {
			continue
		}
		err := r.missing(h)
		if h.Statement >= broken.Statement {
			return err
		}
		r.warn("%v; statement %d gives the reason: %s", err, broken.Statement, broken.Break)
	}
	return nil
}

// missing says how the log fails to contain a head.
func (r *Record) missing(h Anchored) error {
	switch n := r.Head.Lines; {
	case n == 0:
		return r.altered("empty, but statement %d was signed over %s; the log was emptied", h.Statement, lines(h))
	case n < h.Head.Lines:
		return r.altered("ends with line %d, but statement %d was signed over %s; "+
			"its end was cut off, or this is an older copy", n, h.Statement, lines(h))
	}
	return r.altered("line %d is not the one that statement %d was signed over; "+
		"the log was rewritten, or is another world's", h.Head.Lines, h.Statement)
}

// checkCreation looks for the event that a world's log begins with.
func (r *Record) checkCreation(heads []Anchored, broken Anchored) error {
	if len(heads) == 0 {
		return nil
	}
	for _, e := range r.Events {
		switch {
		case e.Phase != Begin:
		case e.Command == creation:
			return nil
		default:
			r.Before = append(r.Before, fmt.Sprintf("line %d: %s %s", e.Seq, e.Program, e.Command))
		}
	}
	r.Before = nil
	if broken.Break != "" {
		return nil
	}
	return r.altered("no %s in it, but there is a world", creation)
}
