package report

import (
	"time"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/plan"
	"byok/internal/record"
)

// view is the report as its page shows it.
type view struct {
	Title        string
	Rehearsal    bool
	Problems     []problem
	Plan         *plan.Plan
	PlanSum      fingerprint.Sum
	PlanCheck    check
	World        string
	Guard        string
	Quorum       string
	HKNSO        fingerprint.Sum
	Last         kmdata.Entry
	Head         ceremony.Head
	Lines        int // of the connected workstation's log
	Whole        []check
	Participants []participant
	Presences    []presence
	Accounts     []account
	Programs     []record.Program
	Software     *bundle.Software
	Modules      []module
	Statements   []row
	Keys         []key
	KEKs         []exchange
	Steps        []step
	Deviations   []event
	Events       []event
	Logs         []check
	Drawing      drawing
	Checklist    []item
	Began        time.Time
	Ended        time.Time
}

func (s *Source) view() view {
	chain, events := s.Disconnected.Chain, s.events()
	v := view{
		Title:        "Ceremony of the world " + chain.World().Label,
		Rehearsal:    chain.Rehearsal(),
		Plan:         s.Plan,
		World:        chain.World().Label,
		Guard:        string(chain.World().Guard),
		Quorum:       chain.Set().Cards.Quorum.String(),
		HKNSO:        chain.FirstHKNSO(),
		Last:         chain.Last(),
		Head:         s.Disconnected.Head,
		Lines:        s.Connected.Head.Lines,
		Whole:        s.whole(),
		Participants: s.participants(),
		Presences:    s.presences(),
		Accounts:     accounts(events),
		Programs:     s.Disconnected.Programs(s.Connected.Events),
		Software:     s.software(),
		Modules:      s.modules(),
		Statements:   s.rows,
		Keys:         s.keys(),
		KEKs:         s.keks(),
		Steps:        s.steps(events),
		Deviations:   deviations(events),
		Events:       events,
		Logs:         s.logs(),
		Drawing:      draw(events),
	}
	if s.Plan != nil {
		v.Title, v.PlanSum, v.PlanCheck = s.Plan.Title, s.planSum(), s.places.hash(bundle.Plan)
	}
	v.Began, v.Ended = span(events)
	for _, stray := range s.register.Strays {
		s.problem("A proof does not hold: "+s.places.shown(stray.File), stray.Why)
	}
	v.Problems = append(s.problems, s.incomplete(events)...)
	v.Checklist = checklist(&v)
	return v
}

// whole are the commands that check a whole bundle.
func (s *Source) whole() []check {
	if s.places.bundle == "" {
		return s.logs()
	}
	hknso := s.Disconnected.Chain.FirstHKNSO().String()
	return []check{
		{"", "sh " + bundle.Script + " " + hknso},
		{"", programOnline + " audit --hknso " + hknso + " ."},
	}
}

// span is when the first event was and the last, by the clocks.
func span(events []event) (began, ended time.Time) {
	for i, e := range events {
		if i == 0 || e.Time.Before(began) {
			began = e.Time
		}
		if i == 0 || e.Time.After(ended) {
			ended = e.Time
		}
	}
	return began, ended
}
