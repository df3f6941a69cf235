package shared

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/plan"
	"byok/internal/printable"
	"byok/internal/script"
	"byok/internal/term"
)

const scriptText = `Makes one HTML file of a plan, to be printed: a cover, the participants, what to
bring, a page for each part with what to do, the exact commands and blanks to
fill in, and deviation sheets. It loads nothing and holds no script.

The steps are the plan's, in the order in which they are done. A plan in which
something cannot be is refused.`

// planCommands are the commands that write, check and print a plan.
func planCommands(p *command.Program) []*cli.Command {
	return []*cli.Command{
		{
			Name:      "new",
			Usage:     "write a plan of a ceremony to fill in, with comments",
			ArgsUsage: "PLAN",
			Action:    p.Action(command.WithFile("PLAN", newPlan)),
		},
		{
			Name:      "check",
			Usage:     "check a plan whole, before anything is opened",
			ArgsUsage: "PLAN",
			Action:    p.Check(command.WithFile("PLAN", checkPlan)),
		},
		{
			Name:        "script",
			Usage:       "print a plan as a book: a page a person",
			ArgsUsage:   "PLAN",
			Description: scriptText,
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "out", Usage: "`FILE` for the book, a new one", Required: true},
			},
			Action: p.Action(command.WithFile("PLAN", printPlan)),
		},
	}
}

func newPlan(r *command.Run, path string) (command.Result, error) {
	if err := durable.WriteFile(path, plan.Template, 0o644); err != nil {
		return nil, err
	}
	return written{path, fmt.Sprintf("%s ceremony check %s", r.Program.Name, printable.Quote(path))}, nil
}

func checkPlan(r *command.Run, path string) (command.Result, error) {
	checked, err := readPlan(r, path)
	if err != nil {
		return nil, err
	}
	return checked, checked.err()
}

func printPlan(r *command.Run, path string) (command.Result, error) {
	checked, err := readPlan(r, path)
	if err != nil {
		return nil, err
	}
	if err := checked.err(); err != nil {
		return checked, err
	}
	var book bytes.Buffer
	if err := script.Write(&book, checked.plan, checked.SHA256); err != nil {
		return nil, err
	}
	if err := durable.WriteFile(r.String("out"), book.Bytes(), 0o644); err != nil {
		return nil, err
	}
	return written{r.String("out"), "print it, a copy for each person"}, nil
}

// written is a file that was written, and what to do with it.
type written struct {
	File string `json:"file"`
	Next string `json:"next"`
}

// Print implements [command.Result].
func (w written) Print(out io.Writer) error {
	_, err := fmt.Fprintf(out, "%s written; next: %s\n", term.Printable(w.File), term.Printable(w.Next))
	return err
}

// planView is a plan in short, and everything in it that cannot be.
type planView struct {
	File     string          `json:"file"`
	SHA256   fingerprint.Sum `json:"sha256"`
	Title    string          `json:"title"`
	Date     plan.Day        `json:"date"`
	Quorum   string          `json:"quorum"`
	Keys     int             `json:"keys"`
	Vaults   int             `json:"vaults"`
	Steps    int             `json:"steps,omitzero"`
	Findings []plan.Finding  `json:"findings,omitempty"`
	plan     *plan.Plan
}

// readPlan reads a plan and checks it as things are today.
func readPlan(r *command.Run, path string) (planView, error) {
	data, err := r.ReadFile(path, plan.MaxFile)
	if err != nil {
		return planView{}, err
	}
	p, err := plan.Parse(path, data)
	if err != nil {
		return planView{}, err
	}
	v := planView{
		File:     path,
		SHA256:   fingerprint.Of(data),
		Title:    p.Title,
		Date:     p.Date,
		Quorum:   p.Quorum,
		Keys:     len(p.Keys),
		Vaults:   len(p.Vaults),
		Findings: p.Check(time.Now()),
		plan:     p,
	}
	if len(v.Findings) == 0 {
		v.Steps = len(script.Steps(p))
	}
	return v, nil
}

// err is the failure of a plan in which something cannot be.
func (v planView) err() error {
	if len(v.Findings) == 0 {
		return nil
	}
	return exitcode.Errorf(exitcode.Check, "%s: %s", v.File, printable.Count(len(v.Findings), "finding")).
		Hint("change what is named, then check the plan again")
}

// Print implements [command.Result].
func (v planView) Print(w io.Writer) error {
	var lines []string
	for _, f := range v.Findings {
		lines = append(lines, f.String())
	}
	if len(lines) == 0 {
		lines = append(lines,
			fmt.Sprintf("%s, %s: %s for %s in %s; quorum %s", v.Title, v.Date, printable.Count(v.Keys, "key"),
				printable.Count(v.Vaults, "vault"), printable.Count(v.Steps, "step"), v.Quorum),
			"SHA-256 of the plan, for its approval", v.SHA256.Groups())
		lines = append(lines, v.SHA256.Rows()...)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, term.Printable(line)); err != nil {
			return err
		}
	}
	return nil
}
