package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/exitcode"
	"byok/internal/unconfined"
	"byok/internal/view"
)

func confineCommands(p *command.Program) *cli.Command {
	status := &cli.Command{
		Name:  "status",
		Usage: "attempt everything that must be refused, and report what was",
		Flags: []cli.Flag{unconfined.NetworkFlag()},
		Action: p.Action(func(r *command.Run) (command.Result, error) {
			return confined(confine.Check(), r.Bool("hsm-network"))
		}),
	}
	return &cli.Command{
		Name:        "confine",
		Usage:       "how the kernel and the build confine this program",
		Subcommands: []*cli.Command{status},
	}
}

// confined shows the table, and fails where a row of it does not hold.
func confined(status confine.Status, network bool) (command.Result, error) {
	v := view.Confinement{OK: status.OK(), Rows: status.Rows()}
	if v.OK {
		return v, nil
	}
	err := exitcode.Errorf(exitcode.Check, "this program is not confined as it should be: %s",
		strings.Join(status.Missing(), ", "))
	if network {
		return v, err.Hint("byok-offline confine status")
	}
	return v, err
}
