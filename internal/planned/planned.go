// Package planned holds a command line to a plan: it fills in what the plan
// knows, and refuses what differs from it.
//
// It compares words alone, and knows neither plans nor commands: package command
// arranges the words, and package script makes them. What people compare on the
// day, and where their answers are kept, is in no plan; such options are passed
// on as they are.
package planned

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/printable"
)

// Plan is what a program needs to know of a plan: the command lines that are
// its own.
type Plan struct {
	File   string // as it was named
	SHA256 fingerprint.Sum
	Steps  []Step
	Single []Step   // of one key each, where a step of Steps takes several keys together
	Media  []string // folders of all administrator cards
	Left   []string // options that no plan decides in this program, beside those that it decides in none
}

// Step is a command line of the plan.
type Step struct {
	ID    string   // as [script.Step] has it
	Typed []string // as it would be typed behind the command's name
	Line           // the same, arranged
}

// Line is a command line after the command's name.
type Line struct {
	Options []string // each --name=value
	Files   []string
}

// Words are the line as a program takes it.
func (l Line) Words() []string { return slices.Concat(l.Options, []string{"--"}, l.Files) }

// Find returns the step that a given line is, with the options that the plan
// leaves to the day as they were given. The line may say as little as distinguishes
// the step from the plan's others. What differs from the plan has status Refused;
// what fits several steps, status Usage. command is the command's name.
func (p *Plan) Find(command string, given Line) (Step, error) {
	if len(p.Steps) == 0 {
		return Step{}, exitcode.Errorf(exitcode.Refused, "%s: %s is in no step of the plan", p.File, command).
			Hint("without --plan it can be run; note why, as a deviation")
	}
	steps := p.Steps
	fitting, nearest := p.fitting(steps, given)
	if len(fitting) == 0 && len(p.Single) > 0 {
		steps = p.Single
		fitting, nearest = p.fitting(steps, given)
	}
	switch {
	case len(fitting) == 0 && len(steps) > 1:
		return Step{}, exitcode.Errorf(exitcode.Refused, "%s: %s differs from each of the plan's %d; from step %w",
			p.File, command, len(steps), nearest[0]).Hint("%s", choices(steps, steps))
	case len(fitting) == 0:
		return Step{}, exitcode.Errorf(exitcode.Refused, "%s: %s differs from step %w", p.File, command, nearest[0]).
			Hint("leave out what the plan knows; a changed plan is reviewed again")
	case len(fitting) > 1:
		return Step{}, exitcode.Errorf(exitcode.Usage, "%s: %s could be %s", p.File, command,
			printable.Count(len(fitting), "step")).Hint("%s", choices(fitting, steps))
	}
	return p.filled(fitting[0], given)
}

// shown is how many steps a hint names.
const shown = 5

// fitting are the steps that a given line can be, and where there is none why it is
// not the nearest.
func (p *Plan) fitting(steps []Step, given Line) (fitting []Step, nearest []error) {
	for _, s := range steps {
		switch found := p.differences(s, given); {
		case len(found) == 0:
			fitting = append(fitting, s)
		case nearest == nil || len(found) < len(nearest):
			nearest = found
		}
	}
	return fitting, nearest
}

// choices says what distinguishes steps, among all.
func choices(steps, all []Step) string {
	var list []string
	for _, s := range steps[:min(len(steps), shown)] {
		list = append(list, strings.Join(s.own(all), " "))
	}
	if len(steps) > shown {
		list = append(list, "…")
	}
	return "add one of: " + strings.Join(list, " | ")
}

// own is the word that the step alone has, or all that are not in every step.
func (s Step) own(all []Step) (words []string) {
	for _, word := range slices.Concat(s.Options, s.Files) {
		switch n := with(all, word); {
		case n == 1:
			return []string{typed(word)}
		case n < len(all):
			words = append(words, typed(word))
		}
	}
	return words
}

// with is how many steps have a word.
func with(steps []Step, word string) (n int) {
	for _, s := range steps {
		if slices.Contains(s.Options, word) || slices.Contains(s.Files, word) {
			n++
		}
	}
	return n
}

// typed is a word as people type it.
func typed(word string) string {
	name, value, found := strings.Cut(word, "=")
	if !found || !strings.HasPrefix(name, "--") {
		return printable.Quote(word)
	}
	if value == "true" {
		return name
	}
	return name + " " + printable.Quote(value)
}

// differences are why a given line is not that of a step.
func (p *Plan) differences(s Step, given Line) (list []error) {
	for _, name := range names(given.Options) {
		if err := p.differs(s, name, values(given.Options, name)); err != nil {
			list = append(list, fmt.Errorf("%s: %w", s.ID, err))
		}
	}
	if len(given.Files) > 0 && !same(given.Files, s.Files) {
		list = append(list, fmt.Errorf("%s: %s, and the plan says %s", s.ID, quoted(given.Files), quoted(s.Files)))
	}
	return list
}

// differs is why a step does not have what was given for an option.
func (p *Plan) differs(s Step, name string, got []string) error {
	planned := values(s.Options, name)
	switch {
	case p.leaves(name) && len(planned) == 0:
		return nil
	case name == "card" && len(planned) > 0 && !s.deals():
		return p.ofPlan(got)
	case len(planned) == 0:
		return fmt.Errorf("the plan has no --%s", name)
	case !same(got, planned):
		return fmt.Errorf("--%s %s, and the plan says %s", name, quoted(got), quoted(planned))
	}
	return nil
}

// leaves reports whether an option is left to the day.
func (p *Plan) leaves(name string) bool {
	return slices.Contains(left, name) || slices.Contains(p.Left, name)
}

// deals reports whether the step deals cards, which is to all the plan's holders.
func (s Step) deals() bool { return len(values(s.Options, "holder")) > 0 }

// ofPlan refuses a card that no holder of the plan has. Which of the holders come
// is decided on the day.
func (p *Plan) ofPlan(cards []string) error {
	for _, card := range cards {
		if !slices.ContainsFunc(p.Media, func(m string) bool { return same([]string{m}, []string{card}) }) {
			return fmt.Errorf("--card %s is not a card of the plan: %s", printable.Quote(card), quoted(p.Media))
		}
	}
	return nil
}

// filled is the step's line with what was given beside it. Cards that were given
// come in place of the plan's proposal.
func (p *Plan) filled(s Step, given Line) (Step, error) {
	options := s.Options
	if slices.Contains(names(given.Options), "card") {
		options = slices.DeleteFunc(slices.Clone(options), func(o string) bool { return nameOf(o) == "card" })
	}
	known := names(options)
	for _, o := range given.Options {
		if !slices.Contains(known, nameOf(o)) {
			options = append(options[:len(options):len(options)], o)
		}
	}
	if !slices.Equal(values(given.Options, "hsm-network"), values(s.Options, "hsm-network")) {
		// The process is confined before the plan is read.
		return s, exitcode.Errorf(exitcode.Refused, "%s: the plan's HSM uses the network, which must be typed", p.File).
			Hint("--hsm-network")
	}
	s.Options = options
	return s, nil
}

func nameOf(option string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(option, "--"), "=")
	return name
}

// names are the options of a line, each once.
func names(options []string) (list []string) {
	for _, o := range options {
		if name := nameOf(o); !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// values are what an option gets; "true" where it stands alone.
func values(options []string, name string) (list []string) {
	for _, o := range options {
		if nameOf(o) == name {
			_, value, found := strings.Cut(o, "=")
			if !found {
				value = "true"
			}
			list = append(list, value)
		}
	}
	return list
}

// same reports whether two lists of values mean the same: a path may be written
// in more than one way.
func same(a, b []string) bool {
	return slices.EqualFunc(a, b, func(a, b string) bool { return a == b || clean(a) == clean(b) })
}

func clean(path string) string {
	if strings.Contains(path, "://") {
		return strings.TrimRight(path, "/")
	}
	return filepath.Clean(path)
}

func quoted(values []string) string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = printable.Quote(v)
	}
	return strings.Join(list, " ")
}
