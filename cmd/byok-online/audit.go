package main

import (
	"github.com/urfave/cli/v2"

	"byok/internal/audit"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/onlineview"
	"byok/internal/printable"
)

const auditText = `Checks the bundle that "byok-offline ceremony bundle" made: every hash and
signature, the world's statements and the log under them, every package under
the world's hknso, each proof's signature, and each KEK by the rules that held when it
was approved. It reads DIR alone: no vault is asked, and nothing is written.

The bundle's own check.sh checks most of it with openssl. What rests on people is
listed at the end.`

func auditCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:        "audit",
		Usage:       "check the bundle of a ceremony",
		ArgsUsage:   "DIR",
		Description: auditText,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "hknso", Usage: "`WORDS` of the hknso on the paper, eight or more, or all 64 hex digits"},
		},
		Action: p.Check(command.WithFile("DIR", auditBundle)),
	}
}

func auditBundle(r *command.Run, dir string) (command.Result, error) {
	given, err := hknsoOf(r)
	if err != nil {
		return nil, err
	}
	found := onlineview.Audit{Report: audit.Folder(dir, given)}
	if failed := found.Failed(); failed > 0 {
		return found, exitcode.Errorf(exitcode.Check, "%s: %s", dir, printable.Count(failed, "fault")).
			Hint("ask for the bundle again; what fails twice is a finding of the audit")
	}
	return found, nil
}
