package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/world"
)

func kmfileCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "kmfile", Usage: "look into the files of kmdata", Subcommands: []*cli.Command{
		{Name: "dump", Usage: "verify and print a world or key file (kmfile-dump)", ArgsUsage: "FILE", Action: p.Action(dumpFile)},
	}}
}

func dumpFile(r *command.Run) (command.Result, error) {
	path, err := r.Arg("FILE")
	if err != nil {
		return nil, err
	}
	if _, err := r.ReadFile(path, world.MaxFile); err != nil {
		return nil, err
	}
	w, k, err := world.OpenFile(path)
	if err != nil {
		return nil, err
	}
	if k != nil {
		return dumpView{describeKey(w, *k)}, nil
	}
	view, err := describeWorld(w)
	return dumpView{view}, err
}

// dumpView is a world or key file whose signature is good.
type dumpView struct {
	View command.Result `json:"file"`
}

func (v dumpView) Print(w io.Writer) error {
	if err := v.View.Print(w); err != nil {
		return err
	}
	_, err := io.WriteString(w, "signature  good, by the world signing key\n")
	return err
}
