package ceremony

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"byok/internal/stamp"
)

// Record is a log as read back.
type Record struct {
	Path     string   `json:"log"`
	Events   []Event  `json:"events"`             // none where [Reading] has an Each
	Count    int      `json:"-"`                  // of the events
	Head     Head     `json:"head"`               // of the whole log
	Before   []string `json:"before,omitempty"`   // commands that ran before the world was created
	Warnings []string `json:"warnings,omitempty"` // torn lines, commands that never ended, a clock set back

	contained map[Head]bool // heads that were looked for, and found
}

// Contains reports whether the log goes on from one of the heads that it was held to
// when it was read, or ends with it.
func (r Record) Contains(head Head) bool { return r.contained[head] }

// hintAltered is the next step after a log that was altered.
const hintAltered = "keep this kmdata folder as it is, and compare its log with that of another copy"

// Reading says how a log is read. Only what is asked for is kept of it: a log of any
// length is read in the same memory where Each takes the events.
type Reading struct {
	Heads []Anchored // as for [Check]
	// Each gets every event that holds, in the order of the lines.
	Each func(Event)
	// Seal is asked about each seal, and the head that it seals. An error gets status
	// Check unless it has one. It should find Module's KML in the statements, compare
	// its hash with Seal.KML, and check the signature over [Head.Text].
	Seal func(Head, Seal) error
	// Progress gets the number of bytes that were read since it was called last.
	Progress func(n int64)
}

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
// [Check] and [Reading].
//
// A power cut can leave a torn line, the beginning of an event or nothing but
// its line end missing. That is a warning, at the end of the log as well as
// further up, where the next event carries the hash of the torn line and of
// the whole one before it.
func Read(dir string) (Record, error) { return Check(dir, nil) }

// Parse is [Read] for the content of a log, which errors call path.
func Parse(path string, data []byte) (Record, error) {
	return newScan(path, Reading{}, 0).read(section(data))
}

func section(data []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
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
