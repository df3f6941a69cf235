package shared

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/plan"
	"byok/internal/printable"
	"byok/internal/script"
	"byok/internal/term"
	"byok/internal/walk"
)

const attestText = `Records that the witnesses of a plan attest one of its steps: that it was done as
the plan says or, with --deviation, how else, or why not. Each witness's initials
are asked for. It changes nothing but the log.

ceremony run calls it for each step. Step "plan" accepts a plan that was changed
after the ceremony began, as a deviation; its steps are then attested again.`

// attestCommand is ceremony attest for the program at a place.
func attestCommand(p *command.Program, at script.Place) *cli.Command {
	return &cli.Command{
		Name:        "attest",
		Usage:       "attest a step of the plan, or record a deviation from it",
		Description: attestText,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "plan", Usage: "`PLAN` that the step is of", Required: true},
			&cli.StringFlag{Name: "step", Usage: "`ID` of the step, as in --plan's messages and the log", Required: true},
			&cli.StringSliceFlag{Name: "initials", Usage: "`TEXT` of each witness, in the plan's order (default: asked for)"},
			&cli.StringFlag{Name: "deviation", Usage: "`REASON` why it was done in another way, or not at all"},
		},
		Action: p.Step(command.WithoutFiles(func(r *command.Run) (command.Result, error) { return attest(r, at) })),
	}
}

func attest(r *command.Run, at script.Place) (command.Result, error) {
	course, err := courseOf(r, at)
	if err != nil {
		return nil, err
	}
	reason := r.String("deviation")
	if r.IsSet("deviation") {
		if err := walk.CheckReason(reason); err != nil {
			return nil, exitcode.Errorf(exitcode.Usage, "--deviation: %w", err)
		}
	}
	events, err := eventsOf(r)
	if err != nil {
		return nil, err
	}
	step, err := course.Attestable(r.String("step"), reason, events)
	if err != nil {
		return nil, err
	}
	v := attestation{Step: step.ID, Title: step.Title, Deviation: reason}
	if v.Attested, err = initials(r, course.Attesters(), step); err != nil {
		return nil, err
	}
	r.Event.Rehearsal = course.Plan.Rehearsal
	r.Event.AddNote(ceremony.NotePlan, course.Sum.String())
	r.Event.AddNote(ceremony.NoteStep, step.ID)
	r.Event.AddNote(walk.NoteTitle, step.Title)
	for _, by := range v.Attested {
		r.Event.AddNote(ceremony.NoteAttested, by)
	}
	if reason != "" {
		r.Event.AddNote(ceremony.NoteDeviation, reason)
	}
	return v, nil
}

// courseOf reads the plan of --plan for the program at a place.
func courseOf(r *command.Run, at script.Place) (*walk.Course, error) {
	file := r.String("plan")
	p, sum, err := plan.Held(file)
	if err != nil {
		return nil, err
	}
	return walk.New(p, file, sum, at, r.Program.Name), nil
}

// eventsOf are the events of the log as it is now; none where no log is.
func eventsOf(r *command.Run) ([]ceremony.Event, error) {
	dir, err := r.KMData()
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(ceremony.Path(dir)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	record, err := ceremony.Read(dir)
	return record.Events, err
}

const (
	maxInitials = 20 // bytes
	maxAsked    = 3  // times for the same initials
)

// initials gets the initials of those who attest a step: "WS (Wanda Smith)".
func initials(r *command.Run, people []string, s script.Step) ([]string, error) {
	given := r.StringSlice("initials")
	if len(given) > 0 && len(given) != len(people) {
		return nil, exitcode.Errorf(exitcode.Usage, "--initials: expected %d, one for each who attests, not %d",
			len(people), len(given)).Hint("--initials TEXT once for each, or not at all")
	}
	var all []string
	for i, name := range people {
		if len(given) == 0 {
			text, err := askInitials(r, name, s)
			if err != nil {
				return nil, err
			}
			all = append(all, by(text, name))
			continue
		}
		if err := printable.Check(given[i], maxInitials); err != nil {
			return nil, exitcode.Errorf(exitcode.Usage, "--initials: %w", err)
		}
		all = append(all, by(given[i], name))
	}
	return all, nil
}

func by(initials, name string) string { return initials + " (" + name + ")" }

// askInitials has one person type their initials.
func askInitials(r *command.Run, name string, s script.Step) (text string, err error) {
	question := fmt.Sprintf("%s, your initials for: %s", name, s.Title)
	for range maxAsked {
		if text, err = r.Console.Ask(question, "--initials TEXT"); err != nil {
			return "", err
		}
		if err = printable.Check(text, maxInitials); err == nil {
			return text, nil
		}
		r.Console.Warning("the initials: %v", err)
	}
	return "", exitcode.Errorf(exitcode.Usage, "the initials of %s: %w", name, err)
}

// attestation is what was recorded of a step.
type attestation struct {
	Step      string   `json:"step"`
	Title     string   `json:"title"`
	Attested  []string `json:"attested"`
	Deviation string   `json:"deviation,omitempty"`
}

// Print implements [command.Result].
func (a attestation) Print(w io.Writer) error {
	text := fmt.Sprintf("step %s attested", term.Printable(a.Step))
	if a.Deviation != "" {
		text = fmt.Sprintf("step %s: a deviation is recorded", term.Printable(a.Step))
	}
	_, err := fmt.Fprintln(w, text)
	return err
}
