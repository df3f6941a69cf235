package main

import (
	"cmp"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/kmdata"
	"byok/internal/view"
)

func kmfileCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "kmfile", Usage: "show the files of kmdata", Subcommands: []*cli.Command{
		{
			Name:      "dump",
			Usage:     "verify and print a statement or key file, by its path or its name in kmdata (kmfile-dump)",
			ArgsUsage: "FILE",
			Action:    p.Action(dumpFile),
		},
	}}
}

// fileOf is the path of a file that is called by its name in kmdata; a file of that
// name in the current folder comes first.
func fileOf(r *command.Run, name string) (string, error) {
	if _, err := os.Lstat(name); err == nil || filepath.Base(name) != name {
		return name, nil
	}
	dir, err := r.KMData()
	if err != nil {
		return "", err
	}
	return cmp.Or(kmdata.Newest(dir, name), name), nil
}

// dumpFile verifies the whole kmdata folder around a file, then prints it.
func dumpFile(r *command.Run) (command.Result, error) {
	path, err := r.Arg("FILE")
	if err != nil {
		return nil, err
	}
	if path, err = fileOf(r, path); err != nil {
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
