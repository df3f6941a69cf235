package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/term"
)

func confineCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "confine", Usage: "what the kernel keeps this program from", Subcommands: []*cli.Command{
		{Name: "status", Usage: "try what should be refused, and say what was", Action: p.Action(func(*command.Run) (command.Result, error) {
			status := confine.Check()
			return confineView{OK: status.OK(), Rows: status.Rows()}, nil
		})},
	}}
}

// confineView is the table, and whether every row of it holds.
type confineView struct {
	OK   bool          `json:"ok"`
	Rows []confine.Row `json:"rows"`
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
