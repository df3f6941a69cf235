package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/ordered"
	"byok/internal/plan"
	"byok/internal/script"
	"byok/internal/statement"
)

// participant is somebody whom the plan names.
type participant struct {
	Part string
	plan.Person
	More string // what the person holds
}

func (s *Source) participants() (list []participant) {
	if s.Plan == nil {
		return nil
	}
	add := func(part string, p plan.Person, more string) { list = append(list, participant{part, p, more}) }
	add("approver", s.Plan.Approver, "")
	for _, r := range s.Plan.Roles {
		add(r.Role, r.Person, "")
	}
	for _, w := range s.Plan.Witnesses {
		add(script.PartWitness, w, "")
	}
	for _, h := range s.Plan.Holders {
		more := ""
		if h.Bag != "" || h.Seal != "" {
			more = fmt.Sprintf("bag %s, seal %s", h.Bag, h.Seal)
		}
		add(script.PartHolder, h.Person, more)
	}
	for _, v := range s.Plan.Vaults {
		add(script.PartOwner, v.Owner, v.Name)
	}
	return list
}

// presence is a holder whose card was read, and for which statements.
type presence struct {
	Holder     string
	Statements string
}

func (s *Source) presences() (list []presence) {
	for _, e := range s.Disconnected.Chain.Entries() {
		h := statement.HeaderOf(e.Statement)
		for _, p := range h.Present {
			at := slices.IndexFunc(list, func(q presence) bool { return q.Holder == p.Holder })
			if at < 0 {
				list, at = append(list, presence{Holder: p.Holder}), len(list)
			}
			list[at].Statements += fmt.Sprintf(" %d", h.Number)
		}
	}
	return list
}

// account is who was signed in at a workstation, as the log has it.
type account struct {
	Place, Operator string
	Commands        int
}

func accounts(events []event) (list []account) {
	for _, e := range events {
		if e.Operator == "" {
			continue
		}
		at := slices.IndexFunc(list, func(a account) bool { return a.Place == e.Place && a.Operator == e.Operator })
		if at < 0 {
			list, at = append(list, account{Place: e.Place, Operator: e.Operator}), len(list)
		}
		list[at].Commands++
	}
	ordered.Sort(list, func(a, b account) int { return strings.Compare(b.Place, a.Place) })
	return list
}

// software is the description of the program that made the bundle; nil where there
// is none.
func (s *Source) software() *bundle.Software {
	data, found := s.Files[bundle.Programs]
	if !found {
		return nil
	}
	made, err := bundle.ParseSoftware(bundle.Programs, data)
	s.problem("The description of the program does not hold", err)
	return &made
}

// step is a step of the plan's script, against the log.
type step struct {
	Number   int
	Title    string
	Place    string
	State    string
	Time     time.Time
	Attested []string
}

// The states of a step.
const (
	stepDone     = "done"
	stepAttested = "attested"
	stepFailed   = "failed"
	stepPeople   = "on paper"
	stepLooks    = "only looks: no log has it"
	stepMissing  = "not in the log"
)

// steps hold the script to the log. Without a command that names its step there is
// nothing to hold.
func (s *Source) steps(events []event) (list []step) {
	if s.Plan == nil {
		return nil
	}
	of := map[string][]event{}
	for _, e := range events {
		if slices.Contains(e.notes(ceremony.NotePlan), s.planSum().String()) {
			for _, id := range e.notes(ceremony.NoteStep) {
				of[id] = append(of[id], e)
			}
		}
	}
	if len(of) == 0 {
		return nil
	}
	for i, planned := range script.Steps(s.Plan) {
		one := step{Number: i + 1, Title: planned.Title, Place: string(planned.Place), State: stepMissing}
		switch {
		case len(planned.Command) == 0:
			one.State = stepPeople
		case !planned.Recorded():
			one.State = stepLooks
		}
		for _, e := range of[planned.ID] {
			one.take(e)
		}
		list = append(list, one)
	}
	return list
}

// take adds what an event says of the step.
func (s *step) take(e event) {
	attested, deviated := e.notes(ceremony.NoteAttested), e.notes(ceremony.NoteDeviation)
	s.Attested = append(s.Attested, attested...)
	switch {
	case len(deviated) > 0:
		s.State = "deviation: " + strings.Join(deviated, "; ")
	case strings.HasPrefix(s.State, "deviation"):
	case e.Phase == ceremony.End && e.Status == 0 && len(attested) == 0:
		s.State, s.Time = stepDone, e.Time
	case len(attested) > 0 && s.State != stepDone:
		s.State, s.Time = stepAttested, e.Time
	case e.Status != 0 && s.State != stepDone:
		s.State, s.Time = stepFailed, e.Time
	}
}
