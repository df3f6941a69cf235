// Package script is the steps of a ceremony as its plan has them, and the book
// that is printed of them: a page a person, with what to do, what to type and
// what must appear.
//
// Use Steps for the one model of the steps: what is printed of it is what is
// walked through, so that no step can be printed that cannot follow.
package script

import (
	"fmt"
	"slices"
	"strings"

	"byok/internal/plan"
)

// Place is where a step is done.
type Place string

// The places.
const (
	Room         Place = "in the room"
	Connected    Place = "connected workstation"
	Disconnected Place = "disconnected workstation"
)

// Step is one step. The command's program is that of the place.
type Step struct {
	ID      string // stays the same as long as the plan names the same things
	Chapter Chapter
	Title   string
	Place   Place
	Command []string // without the program's name; nil where people alone act
	Acts    []Act
	See     []string // lines that must appear
	If      []If
	Write   []string // blanks to fill in on paper
	Minutes int
}

// Act is what one part does in a step.
type Act struct {
	Part  string // as [plan.Roles] names it, or one of the parts below
	Does  string
	Types bool // the step's command
}

// Typed is the shell command, besides the step's own, that an act has somebody
// type, if it has.
func (a Act) Typed() (string, bool) { return strings.CutPrefix(a.Does, "type: ") }

// If is what to do where something else appears.
type If struct{ Seen, Then string }

// The parts that are not roles of the plan.
const (
	PartHolder  = "card holder"
	PartOwner   = "vault's owner"
	PartWitness = "witness"
)

// Chapter is a part of the day.
type Chapter string

// The chapters, in order.
const (
	Arrive  Chapter = "Arrive"
	Prepare Chapter = "KEK and toolset"
	World   Chapter = "Security world"
	Keys    Chapter = "Keys"
	Approve Chapter = "Approval and packages"
	Upload  Chapter = "Upload and proof"
	Close   Chapter = "Close"
)

// Steps lists the steps of a plan in their order.
func Steps(p *plan.Plan) []Step {
	return slices.Concat(arrive(p), workstations(p), prepare(p), world(p), keys(p), approve(p), upload(p), finish(p))
}

// quorum is the cards that a session of the quorum reads: the first K holders'.
// Which holders come is decided on the day; the plan's order is the proposal.
func quorum(p *plan.Plan) []string {
	var options []string
	for _, h := range p.Holders[:p.Needed()] {
		options = append(options, "--card", h.Media)
	}
	return options
}

// typed is a step that is a command.
func typed(at Place, chapter Chapter, id, title string, command ...string) Step {
	operator := plan.RoleOperator
	if at == Connected {
		operator = plan.RoleConnected
	}
	return Step{
		ID:      id,
		Chapter: chapter,
		Title:   title,
		Place:   at,
		Command: command,
		Acts:    []Act{{Part: operator, Does: "type", Types: true}},
		Minutes: 2,
	}
}

// taking says how long a step takes, where that is not two minutes.
func (s Step) taking(minutes int) Step {
	s.Minutes = minutes
	return s
}

// with adds what other parts do.
func (s Step) with(acts ...Act) Step {
	s.Acts = slices.Concat(s.Acts, acts)
	return s
}

// noting adds blanks.
func (s Step) noting(blanks ...string) Step {
	s.Write = slices.Concat(s.Write, blanks)
	return s
}

// seeing adds lines that must appear.
func (s Step) seeing(lines ...string) Step {
	s.See = slices.Concat(s.See, lines)
	return s
}

// byHolders says that K card holders come with their cards, and what for.
func (s Step) byHolders(p *plan.Plan, why string) Step {
	title := fmt.Sprintf("%s (%d of %d card holders)", s.Title, p.Needed(), len(p.Holders))
	does := "when your name is on the screen: insert your card, and type your passphrase " + why
	s = s.with(Act{Part: PartHolder, Does: does})
	s.Title = title
	return s
}
