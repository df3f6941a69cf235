package report

import (
	"fmt"
	"slices"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/script"
	"byok/internal/statement"
)

// problem is something that does not hold, or is missing, and stands on the first
// page.
type problem struct{ Head, Text string }

func (s *Source) problem(head string, err error) {
	if err != nil {
		s.problems = append(s.problems, problem{head, err.Error()})
	}
}

// incomplete says what keeps the record from being complete.
func (s *Source) incomplete(events []event) (list []problem) {
	chain := s.Disconnected.Chain
	if text := s.unsealed(); text != "" {
		list = append(list, problem{"The log is not sealed", text})
	}
	for _, h := range chain.Heads() {
		if h.Break != nil {
			list = append(list, problem{"A part of the record is missing", h.Break.Reason})
		}
	}
	for _, w := range append(s.Disconnected.Warnings, s.Connected.Warnings...) {
		list = append(list, problem{"The log has a gap", w})
	}
	for _, m := range chain.Behind() {
		list = append(list, problem{"Replaced cards still open a module", m.Token.String()})
	}
	return append(list, s.unplanned(events)...)
}

// closing are the commands that end a planned ceremony after the seal, or attest its
// steps. They make nothing that counts; who made the bundle signs what the log says of
// them.
var closing = []string{"ceremony attest", "world backup"}

// unsealed says why the quorum's last statement does not end the log, or "".
func (s *Source) unsealed() string {
	seal, sealed := sealOf(s.Disconnected.Chain.Last())
	if !sealed {
		return "the quorum's last statement is not a seal, so that what came after it could have been cut off or changed; " +
			"byok-offline ceremony seal, with the cards, ends a ceremony"
	}
	for _, e := range s.Disconnected.Since(ceremony.Head(seal.Log)) {
		if e.Phase == ceremony.Begin && !slices.Contains(closing, e.Command) {
			return fmt.Sprintf("%s in line %d began after the seal, and whatever else did could have been cut off or changed",
				e.Command, e.Seq)
		}
	}
	return ""
}

// unplanned are the plans that commands followed and that are not this one.
func (s *Source) unplanned(events []event) (list []problem) {
	seen := map[string]bool{}
	events = events[s.accepted(events):]
	for _, e := range events {
		for _, sum := range e.notes(ceremony.NotePlan) {
			if seen[sum] || s.Plan != nil && sum == s.planSum().String() {
				continue
			}
			seen[sum] = true
			text := fmt.Sprintf("%s in line %d of the %s log followed the plan with SHA-256 %s, ",
				e.Command, e.Seq, e.Place, sum)
			if s.Plan == nil {
				list = append(list, problem{"The plan is missing", text + "which is not here"})
				continue
			}
			list = append(list, problem{"Another plan was followed", text + "and not the one here"})
		}
	}
	return list
}

// accepted is the index of the event by which people accepted the plan here in place
// of another, or 0.
func (s *Source) accepted(events []event) int {
	at := slices.IndexFunc(events, func(e event) bool {
		return slices.Contains(e.notes(ceremony.NoteStep), script.StepPlan) &&
			slices.Contains(e.notes(ceremony.NotePlan), s.planSum().String())
	})
	return max(at, 0)
}

func (s *Source) planSum() fingerprint.Sum { return fingerprint.Of(s.Files[bundle.Plan]) }

func sealOf(e kmdata.Entry) (*statement.Seal, bool) {
	s, ok := e.Statement.(*statement.Seal)
	return s, ok
}
