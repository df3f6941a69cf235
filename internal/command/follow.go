package command

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
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
	plan, err := w.Planned(file, command)
	if err != nil {
		return nil, err
	}
	if err := w.arrangeAll(c, plan.Steps, plan.Single); err != nil {
		return nil, err
	}
	step, err := plan.Find(command, given)
	if err != nil {
		return nil, err
	}
	w.Program.followed = &followed{plan.SHA256.String(), step.ID}
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

// lineOf parts words that separate has arranged.
func lineOf(words []string) planned.Line {
	end := slices.Index(words, "--")
	return planned.Line{Options: words[:end], Files: words[end+1:]}
}
