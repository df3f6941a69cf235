package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/view"
)

func kmfileCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "kmfile", Usage: "look into the files of kmdata", Subcommands: []*cli.Command{
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
	dir, err := folderOf(path)
	if err != nil {
		return nil, err
	}
	chain, err := kmdata.Open(dir)
	if err != nil {
		return nil, err
	}
	signer, err := signerOf(chain, path)
	if err != nil {
		return nil, err
	}
	return view.Dump{Signer: signer, Content: string(data)}, nil
}

// folderOf is the kmdata folder that a file is in.
func folderOf(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(abs)
	if filepath.Base(dir) == filepath.Base(kmdata.StatementsDir("")) {
		dir = filepath.Dir(dir)
	}
	if filepath.Base(dir) != filepath.Base(kmdata.Local("")) {
		return "", exitcode.Errorf(
			exitcode.Usage,
			"%s: it is not in the local folder of a kmdata, beside its world file",
			path,
		)
	}
	return filepath.Dir(dir), nil
}

// signerOf verifies the file and says who signed it.
func signerOf(chain *kmdata.Chain, path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for _, e := range chain.Entries() {
		if entry, err := filepath.Abs(e.Path); err == nil && entry == abs {
			return fmt.Sprintf("KNSO, as %v", e), nil
		}
	}
	if !strings.HasPrefix(filepath.Base(path), "key_") || filepath.Ext(path) != "" {
		return "", exitcode.Errorf(exitcode.Usage, "%s: it is neither a statement nor a key file", path)
	}
	k, err := chain.KeyFile(abs)
	if err != nil {
		return "", err
	}
	return "KML of module " + k.Module, nil
}
