package shared

import (
	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/plan"
	"byok/internal/printable"
)

const dryRunText = `Holds the whole ceremony of a plan on this computer before its day: every command
of its script, in order, with SoftHSM in the place of the HSM, a rehearsal vault in
the place of each vault, and answers in the place of people. It is all done in a
folder that is removed at the end; nothing that is made counts.

The transcript has each step, its command and what that printed. It is the same
whenever the plan is: what differs in every run is marked.`

// Checked is a plan in which everything can be.
type Checked struct {
	*plan.Plan
	File   string
	SHA256 fingerprint.Sum
}

// Holder holds the ceremony of a plan.
type Holder func(*command.Run, Checked) (command.Result, error)

// DryRun is the command that holds the ceremony of a plan on this computer by hold.
// It has more options besides those for the plan and the transcript. A program that
// can start no vault gives none: its command says which program does.
func DryRun(p *command.Program, hold Holder, more ...cli.Flag) *cli.Command {
	c := &cli.Command{
		Name:        "dry-run",
		Usage:       "hold the ceremony of a plan on this computer, with stand-ins",
		Description: dryRunText,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "plan", Usage: "`PLAN` whose ceremony is held", Required: true},
			&cli.StringFlag{Name: "out", Usage: "`FILE` for the transcript, a new one", Required: true},
		}, more...),
	}
	if hold == nil {
		c.Usage = "say how byok-online holds the ceremony of a plan on one computer"
		c.Description = ""
		c.Action = p.Action(command.WithoutFiles(elsewhere))
		return c
	}
	c.Action = p.Check(command.WithoutFiles(func(r *command.Run) (command.Result, error) {
		checked, err := readPlan(r, r.String("plan"))
		if err != nil {
			return nil, err
		}
		if err := checked.err(); err != nil {
			return checked, err
		}
		return hold(r, Checked{checked.plan, checked.File, checked.SHA256})
	}))
	return c
}

// elsewhere refuses a dry run where no vault can be started.
func elsewhere(r *command.Run) (command.Result, error) {
	return nil, exitcode.Errorf(exitcode.Refused, "a dry run needs vaults, and %s can start none", r.Program.Name).
		Hint("byok-online ceremony dry-run --plan %s --out %s", printable.Quote(r.String("plan")),
			printable.Quote(r.String("out")))
}
