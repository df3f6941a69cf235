package shared

import (
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/printable"
	"byok/internal/record"
	"byok/internal/term"
)

const verifyText = `Checks that every line carries the hash of the one before. Where kmdata holds a
security world, its statements are verified first, and the log must contain the
head that each of them was signed over; a seal must be signed by the module that
a statement certifies.

What this cannot show: events behind the last statement can be cut off or
rewritten, and a record cut together with all its later statements verifies.
Compare the head, and the last statement's number and words, with paper.`

// Ceremony is the group of commands about a ceremony as a whole: its plan, its
// script and its log.
func Ceremony(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:  "ceremony",
		Usage: "plan a ceremony, hold it step by step, read its record",
		Subcommands: append(planCommands(p), []*cli.Command{
			reportCommand(p),
			{
				Name:   "log",
				Usage:  "show the ceremony log, one event per line",
				Action: p.Check(command.WithoutFiles(showLog)),
			},
			{
				Name:        "verify",
				Usage:       "check the log's hash chain, against the statements of the world",
				Description: verifyText,
				Action:      p.Check(command.WithoutFiles(verifyLog)),
			},
		}...),
	}
}

// showLog shows a log, one with a fault as far as it holds.
func showLog(r *command.Run) (command.Result, error) {
	dir, err := r.KMData()
	if err != nil {
		return nil, err
	}
	c, err := record.Check(dir)
	for _, w := range c.Warnings {
		r.Warn(w)
	}
	if err != nil && len(c.Events) == 0 {
		return nil, err
	}
	return logView{c.Record}, err
}

// verifyLog shows the head of a good log. It keeps no event, however many there are;
// one with a fault is shown as far as it holds.
func verifyLog(r *command.Run) (command.Result, error) {
	dir, err := r.KMData()
	if err != nil {
		return nil, err
	}
	progress := r.Console.Progress("reading the log", logSize(dir))
	c, err := record.Reading{Each: func(ceremony.Event) {}, Progress: progress.Add}.Check(dir)
	progress.Done()
	if err != nil {
		return showLog(r)
	}
	for _, w := range c.Warnings {
		r.Warn(w)
	}
	return headOf(c), nil
}

// logSize is the size of a folder's log in bytes, 0 where it is not known.
func logSize(dir string) int64 {
	info, err := os.Stat(ceremony.Path(dir))
	if err != nil {
		return 0
	}
	return info.Size()
}

func headOf(c record.Record) headView {
	v := headView{
		Log:      c.Path,
		Events:   c.Count,
		Head:     c.Head,
		Before:   c.Before,
		Seals:    c.Seals,
		Warnings: c.Warnings,
	}
	if c.Chain != nil {
		v.World = c.Chain.World().Label
		v.Statements = len(c.Chain.Entries())
	}
	return v
}

// headView is a good log in short: what to note on paper, and to compare with
// such a note later.
type headView struct {
	Log        string        `json:"log"`
	Events     int           `json:"events"`
	Head       ceremony.Head `json:"head"`
	World      string        `json:"world,omitempty"` // label
	Statements int           `json:"statements,omitzero"`
	Seals      int           `json:"seals,omitzero"`
	Before     []string      `json:"before,omitempty"` // what ran before the world was created
	Warnings   []string      `json:"warnings,omitempty"`
}

// Print implements [command.Result].
func (v headView) Print(w io.Writer) error {
	text := fmt.Sprintf("%s\n%s; every line carries the hash of the one before\n", term.Printable(v.Log),
		printable.Count(v.Events, "event"))
	if v.Statements > 0 {
		text += fmt.Sprintf("world %s: the log contains the head of each of its %s\n",
			term.Printable(v.World), printable.Count(v.Statements, "statement"))
	}
	if v.Seals > 0 {
		text += printable.Count(v.Seals, "seal") + " by a module of this world\n"
	}
	for _, b := range v.Before {
		text += "before world create: " + term.Printable(b) + "\n"
	}
	text += fmt.Sprintf("head of %s\n%s\n", printable.Count(v.Head.Lines, "line"), v.Head.SHA256.Groups())
	for _, row := range v.Head.SHA256.Rows() {
		text += row + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}
