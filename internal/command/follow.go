package command

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/plan"
	"byok/internal/planned"
)

// Planner reads a plan, for one command of the program: the plan's steps are
// those of that command, not yet arranged.
type Planner func(file, command string) (*planned.Plan, error)

// followed is the step of a plan that a command line is.
type followed struct{ plan, step string }

func (f *followed) note(e *ceremony.Event) {
	if f != nil {
		e.AddNote(ceremony.NotePlan, f.plan)
		e.AddNote(ceremony.NoteStep, f.step)
	}
}

// follow fills the words of a command in from the plan that they name. A command
// with a --plan of its own reads the plan itself.
func (w *walk) follow(c *cli.Command, words []string) ([]string, error) {
	given := lineOf(words)
	file := ""
	for _, o := range given.Options {
		if value, found := strings.CutPrefix(o, "--plan="); found {
			file = value
		}
	}
	if file == "" || w.Planned == nil || w.planning[c] {
		return words, nil
	}
	command := strings.Join(w.path, " ")
	held, err := w.Planned(file, command)
	if err != nil {
		return nil, err
	}
	if err := w.arrangeAll(c, held.Steps, held.Single); err != nil {
		return nil, err
	}
	step, err := held.Find(command, given)
	if err != nil {
		return nil, err
	}
	w.Program.followed = &followed{held.SHA256.String(), step.ID}
	w.Console.Say("%s: step %s of the plan", command, step.ID)
	return step.Words(), nil
}

// arrangeAll arranges what would be typed.
func (w *walk) arrangeAll(c *cli.Command, lists ...[]planned.Step) error {
	for _, steps := range lists {
		for i, s := range steps {
			words, err := w.separate(c, s.Typed)
			if err != nil {
				return err
			}
			steps[i].Line = lineOf(words)
		}
	}
	return nil
}

// Plan reads the plan that --plan names. It must be the one that the command line
// was held to: a file can change in between.
func (r *Run) Plan() (*plan.Plan, error) {
	file := r.String("plan")
	p, sum, err := plan.Held(file)
	if err != nil {
		return nil, err
	}
	if f := r.Program.followed; f != nil && f.plan != sum.String() {
		return nil, exitcode.Errorf(exitcode.Refused, "%s changed while the command was read", file).
			Hint("compare its SHA-256 with the plan that was approved")
	}
	return p, nil
}

// lineOf parts words that separate has arranged.
func lineOf(words []string) planned.Line {
	end := slices.Index(words, "--")
	return planned.Line{Options: words[:end], Files: words[end+1:]}
}
