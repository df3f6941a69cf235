package main

import (
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/exitcode"
	"byok/internal/term"
)

func confineCommands(p *command.Program) *cli.Command {
	status := &cli.Command{
		Name:  "status",
		Usage: "attempt everything that must be refused, and report what was",
		Action: p.Action(func(r *command.Run) (command.Result, error) {
			return confined(confine.Check(), r.Bool("hsm-network"))
		}),
	}
	return &cli.Command{
		Name:        "confine",
		Usage:       "what the kernel and the build keep this program from",
		Subcommands: []*cli.Command{status},
	}
}

// confined shows the table, and fails where a row of it does not hold.
func confined(status confine.Status, network bool) (command.Result, error) {
	view := confineView{OK: status.OK(), Rows: status.Rows()}
	if view.OK {
		return view, nil
	}
	err := exitcode.Errorf(exitcode.Check, "this program is not confined as it should be: %s",
		strings.Join(view.broken(), ", "))
	if network {
		return view, err.Hint("byok-offline confine status")
	}
	return view, err
}

// confineView is the table, and whether every row of it holds.
type confineView struct {
	OK   bool          `json:"ok"`
	Rows []confine.Row `json:"rows"`
}

// broken names the rows that do not hold.
func (v confineView) broken() []string {
	var names []string
	for _, row := range v.Rows {
		if !row.OK {
			names = append(names, row.Name)
		}
	}
	return names
}

func (v confineView) Print(w io.Writer) error {
	var rows [][]string
	for _, row := range v.Rows {
		mark := "yes"
		if !row.OK {
			mark = "NO"
		}
		rows = append(rows, []string{row.Name, mark, row.Detail})
	}
	return term.Table(w, rows)
}
