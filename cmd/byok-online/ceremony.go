package main

import (
	"errors"
	"os"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/dryrun"
	"byok/internal/durable"
	"byok/internal/onlineview"
	"byok/internal/shared"
)

func ceremonyCommands(p *command.Program) *cli.Command {
	group := shared.Ceremony(p)
	group.Subcommands = append(group.Subcommands, shared.DryRun(p, dryRun,
		&cli.StringFlag{Name: "byok-offline", Usage: "`PATH` of byok-offline (default: beside byok-online, or on PATH)"},
		&cli.StringFlag{Name: "keep", Usage: "`DIR` to hold it in, a new one that is left behind"},
	))
	group.Subcommands = append(group.Subcommands, heldCommands(p)...)
	return group
}

func dryRun(r *command.Run, checked shared.Checked) (command.Result, error) {
	out := durable.NewSet()
	defer out.Discard()
	file, err := out.Create(r.String("out"), 0o644)
	if err != nil {
		return nil, err
	}
	online, err := os.Executable()
	if err != nil {
		return nil, err
	}
	offline, err := dryrun.Offline(r.Context.Context, r.String("byok-offline"), online, r.Program.Version)
	if err != nil {
		return nil, err
	}
	transcript, err := dryrun.Hold(r.Context.Context, dryrun.Config{
		Plan:    checked.Plan,
		File:    checked.File,
		SHA256:  checked.SHA256,
		Online:  online,
		Offline: offline,
		Keep:    r.String("keep"),
		Say:     r.Say,
	})
	if len(transcript) == 0 {
		return nil, err
	}
	_, failed := file.Write(transcript)
	if failed == nil {
		failed = out.Commit()
	}
	if failed != nil {
		return nil, errors.Join(err, failed)
	}
	return onlineview.DryRun{Transcript: r.String("out"), Plan: checked.SHA256, Kept: r.String("keep")}, err
}
