package main

import (
	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/preflight"
	"byok/internal/toolset"
	"byok/internal/view"
)

func toolsetCommands(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:  "toolset",
		Usage: "install the toolset that the connected workstation made",
		Subcommands: []*cli.Command{{
			Name: "install", Usage: "check a toolset zip's hash and unpack it", ArgsUsage: "ZIP", Action: p.Step(installToolset),
			Flags: []cli.Flag{
				required(text("to", "`DIR` for the packages")),
				text("sha256", "`HEX` of the hash that was published for the zip"),
				text("words", "`WORDS` of that hash (default: asked for)"),
			},
		}},
	}
}

func installToolset(r *command.Run) (command.Result, error) {
	if _, err := preflight.Passed(r); err != nil {
		return nil, err
	}
	zip := r.Args().First()
	want, err := dialogue.PublishedHash(r, zip)
	if err != nil {
		return nil, err
	}
	installed, err := toolset.Install(zip, r.String("to"), want)
	if !installed.Zip.IsZero() {
		r.Event.AddInput(zip, installed.Zip)
	}
	if err != nil {
		return nil, err
	}
	return view.InstalledOf(r, installed)
}
