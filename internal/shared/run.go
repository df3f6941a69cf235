package shared

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/child"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/printable"
	"byok/internal/script"
	"byok/internal/term"
	"byok/internal/walk"
)

// CommandRun is the command that runs a ceremony. It loads no HSM library and
// starts programs that do: nothing of it is for a supervisor's worker.
const CommandRun = "ceremony run"

const runText = `Goes through the plan's steps at this workstation, in order: it shows who does what,
runs the step's command, and has the witnesses attest it. A step that is done in
another way is recorded as a deviation, with a reason. No step is left out.

It does nothing but the single commands with --plan, which can be typed instead.
How far the ceremony has come is in the log: after an interruption, at whatever
point, the same command goes on.`

// Fit leaves, of the options that run would pass on to a command line, those that
// are for it.
type Fit func(line, options []string) []string

func (f Fit) of(line, options []string) []string {
	if f == nil {
		return options
	}
	return f(line, options)
}

// Held are the commands by which a ceremony is held: run and attest, for the program
// at a place. run passes its options called more on to each command that takes them,
// as far as they fit; all of them where fit is nil.
func Held(p *command.Program, at script.Place, fit Fit, more ...cli.Flag) []*cli.Command {
	return []*cli.Command{
		{
			Name:        "run",
			Usage:       "hold the ceremony of a plan at this workstation, step by step",
			Description: runText,
			Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "plan", Usage: "`PLAN` of the ceremony", Required: true},
			}, more...),
			Action: p.Check(command.WithoutFiles(func(r *command.Run) (command.Result, error) { return run(r, at, fit) })),
		},
		attestCommand(p, at),
	}
}

// own are the options of run that are not passed on; hsm-network is in the steps.
var own = []string{"plan", "output", "hsm-network"}

func run(r *command.Run, at script.Place, fit Fit) (command.Result, error) {
	course, err := courseOf(r, at)
	if err != nil {
		return nil, err
	}
	course.Options = r.Passed([]string{"ceremony", "run"}, []string{"plan"})
	if err := networked(r, course); err != nil {
		return nil, err
	}
	if !r.Console.Interactive() {
		return nil, exitcode.Errorf(exitcode.Usage, "a ceremony is run by people, and there is no terminal to ask them on").
			Hint("without one, give each command --plan %s, and attest it by %s", printable.Quote(course.File), walk.Attest)
	}
	w := walk.Walk{
		Course:   course,
		Terminal: r.Console,
		Events:   func() ([]ceremony.Event, error) { return eventsOf(r) },
		Run:      func(words []string) (int, error) { return again(r, words) },
		Options:  func(line []string) []string { return fit.of(line, r.Passed(line, own)) },
	}
	ended, err := w.Go(r.Context.Context)
	if err != nil {
		return nil, err
	}
	return heldView{ended, at}, nil
}

// networked refuses a run whose processes could not do what the plan's HSM needs:
// this one is confined before the plan is read, and what it starts inherits that.
func networked(r *command.Run, c *walk.Course) error {
	given := r.Bool("hsm-network")
	switch {
	case c.At != script.Disconnected || given == c.Plan.HSM.Network:
		return nil
	case given:
		return exitcode.Errorf(exitcode.Refused, "%s: the plan's HSM does not use the network", c.File).
			Hint("leave out --hsm-network")
	}
	return exitcode.Errorf(exitcode.Refused, "%s: the plan's HSM uses the network, which must be typed", c.File).
		Hint("--hsm-network")
}

// again runs this program with other words, at the same terminal. Whoever asked for
// JSON gets the commands' results as messages.
func again(r *command.Run, words []string) (status int, err error) {
	r.Lend(func() { status, err = child.Again(words, r.String("output") == "json") })
	if err != nil {
		return 0, exitcode.Errorf(exitcode.Failed, "this program could not be started again: %w", err)
	}
	return status, nil
}

// heldView is a ceremony whose steps at one workstation are all attested.
type heldView struct {
	walk.Ended
	at script.Place
}

// Print implements [command.Result].
func (v heldView) Print(w io.Writer) error {
	text := fmt.Sprintf("%s of the %s attested, with %s\n", printable.Count(v.Steps, "step"), v.at,
		printable.Count(v.Deviations, "deviation"))
	for _, title := range v.Elsewhere {
		text += "what follows elsewhere: " + term.Printable(title) + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}
