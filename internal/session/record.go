package session

import (
	"fmt"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/printable"
	"byok/internal/statement"
)

// maxEvents is how many events since the last statement are shown one by one.
const maxEvents = 20

// checkRecord compares kmdata with what else knows of it, before KNSO signs:
// the log continues the last statement's head, and the token's anchor, or the
// paper of the card holders, knows of no later statement. What is missing is
// shown, and goes into the next statement with the people's reason.
// later says which statements the token or the paper knows and kmdata does not.
func (s *Quorum) checkRecord(later func() ([]string, error)) error {
	missing, err := s.checkLog()
	if err != nil {
		return err
	}
	lost, err := later()
	if err != nil {
		return err
	}
	missing = append(missing, lost...)
	if len(missing) == 0 {
		return nil
	}
	for _, m := range missing {
		s.access.UI.Warn("the record is incomplete: " + m)
	}
	reason, err := s.access.UI.Reason(missing)
	if err != nil {
		return err
	}
	s.brk = &statement.Break{Missing: missing, Reason: reason}
	return nil
}

// checkLog shows what happened since the last statement.
func (s *Quorum) checkLog() (missing []string, err error) {
	last := s.Chain.Last()
	head := statement.HeaderOf(last.Statement).Log
	events, found, err := s.access.Log.Since(head)
	if err != nil {
		return nil, err
	}
	if !found {
		return []string{
			fmt.Sprintf(
				"the ceremony log does not contain line %d as %v carries it (SHA-256 %.16s…)",
				head.Lines,
				last,
				head.SHA256,
			),
		}, nil
	}
	s.access.UI.Say("since %v: %s in the ceremony log", last, printable.Count(len(events), "event"))
	for _, e := range events[max(0, len(events)-maxEvents):] {
		s.access.UI.Say("  %s", e)
	}
	return nil, nil
}

// checkAnchor compares the newest statement with the token's anchor.
func (s *Quorum) checkAnchor() (missing []string, err error) {
	if !Anchors(s.Module.Guard) {
		return s.checkPaper(fmt.Sprintf("guard %s has no anchor on the token", s.Module.Guard))
	}
	a, found, err := s.newestAnchor()
	if err != nil {
		return nil, err
	}
	s.unanchored = !found || a.Number != s.Chain.Last().Number()
	if !found {
		return s.checkPaper(
			"the token carries no anchor: someone destroyed it, or the session that would have set it was cut short",
		)
	}
	return s.compare(a.Number, func(e kmdata.Entry) bool { return e.Sum == a.Sum }, anchorKnows)
}

// checkPaper compares the newest statement with what the holders wrote down.
func (s *Quorum) checkPaper(why string) ([]string, error) {
	number, word, err := s.access.UI.LastStatement(why)
	if err != nil {
		return nil, err
	}
	same := func(e kmdata.Entry) bool { return strings.EqualFold(e.Sum.FirstWords(1), word) }
	return s.compare(number, same, paperKnows)
}

// witness is what knows a statement besides kmdata.
type witness struct {
	name  string
	check string // what to do first where kmdata contradicts it
}

var (
	anchorKnows = witness{name: "the token's anchor"}
	paperKnows  = witness{"the paper record", "compare what was typed with the paper; if it is right, "}
)

// fork says that kmdata and a witness had the same statement once, and went
// two ways.
func (w witness) fork(format string, args ...any) error {
	return exitcode.Errorf(exitcode.Check, "%s: a fork", fmt.Sprintf(format, args...)).
		Hint("%skeep this kmdata for the auditor and use the copy whose last statement the card holders wrote down", w.check)
}

// compare holds the chain to a statement that a witness knows.
func (s *Quorum) compare(number int, same func(kmdata.Entry) bool, w witness) (missing []string, err error) {
	last := s.Chain.Last().Number()
	if number > last {
		s.above = number
		return []string{fmt.Sprintf("%s knows statement %d, and kmdata ends with %d", w.name, number, last)}, nil
	}
	for _, e := range s.Chain.Entries() {
		if e.Number() != number {
			continue
		}
		if same(e) {
			return nil, nil
		}
		return nil, w.fork("%s: it is not the statement %d that %s knows", e.Path, number, w.name)
	}
	return nil, w.fork("%s knows a statement %d that kmdata skips", w.name, number)
}
