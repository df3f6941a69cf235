package walk

import (
	"slices"
	"time"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/printable"
	"byok/internal/script"
)

// Attest is the command that attests a step.
const Attest = "ceremony attest"

// StepPlan is attested, as if it were a step, where a changed plan takes the place
// of the one that a ceremony began by. No step of a plan has this ID.
const StepPlan = script.StepPlan

// NoteTitle is the note with a step's title on the end of its attestation, beside
// [ceremony.NotePlan], [ceremony.NoteStep], [ceremony.NoteAttested], once for each of
// [Course.Attesters], and [ceremony.NoteDeviation] where there is one.
const NoteTitle = "title"

// Progress is how far a ceremony has come at one workstation, by its log alone.
type Progress struct {
	attested   map[string]bool
	deviations int
	ended      map[string]time.Time // when the step's command ended well
	begun      map[string]time.Time // when it began, of one without an end
	before     map[string]time.Time // when it ended well under another plan
	plan       fingerprint.Sum      // that the ceremony goes by; zero before it begins
	finished   bool                 // that plan's last step at this workstation is attested
}

// Read takes what the events of the workstation's log say about this plan.
func (c *Course) Read(events []ceremony.Event) Progress {
	p := Progress{
		attested: map[string]bool{}, ended: map[string]time.Time{},
		begun: map[string]time.Time{}, before: map[string]time.Time{},
	}
	for _, e := range events {
		sum, err := fingerprint.Parse(noted(e, ceremony.NotePlan))
		if err != nil {
			continue
		}
		step := noted(e, ceremony.NoteStep)
		switch {
		case e.Phase == ceremony.Begin && sum == c.Sum:
			p.begun[step] = e.Time
		case e.Phase == ceremony.End && e.Result == ceremony.Success:
			p.follow(e, sum, step)
			p.take(e, sum == c.Sum, step)
			p.finished = p.finished || sum == p.plan && p.attestsLast(c, e, step)
		case e.Phase == ceremony.End:
			delete(p.begun, step)
		}
	}
	return p
}

// follow has another plan take the place of the present one: the first, the one of
// the next ceremony, or a changed one that people have accepted.
func (p *Progress) follow(e ceremony.Event, sum fingerprint.Sum, step string) {
	if p.plan.IsZero() || p.finished && sum != p.plan || e.Command == Attest && step == StepPlan {
		p.plan, p.finished = sum, false
	}
}

// take takes what a command says that ended well.
func (p *Progress) take(e ceremony.Event, ours bool, step string) {
	attests := e.Command == Attest
	switch {
	case !ours && !attests:
		p.before[step] = e.Time
	case ours && attests:
		p.attested[step] = true
		if noted(e, ceremony.NoteDeviation) != "" {
			p.deviations++
		}
	case ours:
		p.ended[step] = e.Time
		delete(p.begun, step)
	}
}

func (p *Progress) attestsLast(c *Course, e ceremony.Event, step string) bool {
	return e.Command == Attest && step == c.last().ID
}

// noted is the value of an event's note; "" where it has none of that name.
func noted(e ceremony.Event, name string) string {
	i := slices.IndexFunc(e.Notes, func(n ceremony.Note) bool { return n.Name == name })
	if i < 0 {
		return ""
	}
	return e.Notes[i].Value
}

// firstWords is how many words of a plan's SHA-256 tell it from another.
const firstWords = 4

// follows refuses a plan that is not the one that the ceremony goes by.
func (c *Course) follows(p Progress) error {
	if p.plan.IsZero() || p.plan == c.Sum || p.finished {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused,
		"%s (%s …) is not the plan that this ceremony began by (%s …): the log holds that one's steps",
		c.File, c.Sum.FirstWords(firstWords), p.plan.FirstWords(firstWords)).
		Hint("take the earlier plan, or have the witnesses accept the changed one: "+
			"%s %s --plan %s --step %s --deviation REASON", c.Program, Attest, printable.Quote(c.File), StepPlan)
}

// Attestable returns the step that can be attested under an ID now. deviation is the
// reason why it was done otherwise, or not at all; "" for one that was done as the
// plan says, whose command must have ended well where the log says so.
func (c *Course) Attestable(id, deviation string, events []ceremony.Event) (script.Step, error) {
	p := c.Read(events)
	if id == StepPlan {
		return c.changed(deviation, p)
	}
	if err := c.follows(p); err != nil {
		return script.Step{}, err
	}
	s, err := c.find(id)
	switch {
	case err != nil:
		return s, err
	case p.attested[id]:
		return s, exitcode.Errorf(exitcode.Refused, "step %s is attested already", id).
			Hint("%s ceremony log", c.Program)
	case deviation == "" && s.Recorded() && p.ended[id].IsZero():
		return s, exitcode.Errorf(exitcode.Refused, "step %s: the log has no end of its command by this plan", id).
			Hint("%s; or give --deviation REASON", c.line(s))
	}
	return s, nil
}

// changed accepts a changed plan.
func (c *Course) changed(deviation string, p Progress) (script.Step, error) {
	switch {
	case p.plan.IsZero() || p.plan == c.Sum || p.finished:
		return script.Step{}, exitcode.Errorf(exitcode.Refused, "%s needs no acceptance: it is the plan that the log goes by",
			c.File).Hint("%s", c.again())
	case deviation == "":
		return script.Step{}, exitcode.Errorf(exitcode.Usage, "a changed plan is a deviation, which has a reason").
			Hint("--deviation REASON")
	}
	return script.Step{ID: StepPlan, Title: "A changed plan takes the place of the one before", Place: c.At}, nil
}

// find is the step that has an ID, which must be attested here: one of the ceremony's,
// or one of a single key, which can be typed alone.
func (c *Course) find(id string) (script.Step, error) {
	steps := slices.Concat(c.steps, script.Singles(c.Plan))
	i := slices.IndexFunc(steps, func(s script.Step) bool { return s.ID == id })
	if i < 0 {
		return script.Step{}, exitcode.Errorf(exitcode.Usage, "%s has no step %.80q", c.File, id).
			Hint("%s ceremony script --out book.html %s", c.Program, printable.Quote(c.File))
	}
	if s := steps[i]; !c.here(s) {
		return s, exitcode.Errorf(exitcode.Refused, "step %s is attested at the %s", id, attestedAt(s))
	}
	return steps[i], nil
}
