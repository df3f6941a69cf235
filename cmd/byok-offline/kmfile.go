package main

import (
	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/kmdata"
	"byok/internal/view"
)

func kmfileCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "kmfile", Usage: "show the files of kmdata", Subcommands: []*cli.Command{
		{
			Name:      "dump",
			Usage:     "verify and print a statement or key file (kmfile-dump)",
			ArgsUsage: "FILE",
			Action:    p.Action(dumpFile),
		},
	}}
}

// dumpFile verifies the whole kmdata folder around a file, then prints it.
func dumpFile(r *command.Run) (command.Result, error) {
	path, err := r.Arg("FILE")
	if err != nil {
		return nil, err
	}
	data, err := r.ReadFile(path, kmdata.MaxFile)
	if err != nil {
		return nil, err
	}
	chain, err := kmdata.OpenAround(path)
	if err != nil {
		return nil, err
	}
	signer, err := chain.SignedBy(path)
	if err != nil {
		return nil, err
	}
	return view.Dump{Signer: signer, Content: string(data)}, nil
}
