package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/keys"
	"byok/internal/packing"
	"byok/internal/preflight"
	"byok/internal/session"
	"byok/internal/view"
)

func packageCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:   "package",
		Usage:  "write the transfer package that a quorum approved (KeyTransferRemote -Package)",
		Action: p.Step(pack),
		Flags: slices.Concat(dialogue.CardFlags(""), packageFolderFlags(), identsFlag(), keksFlags(), []cli.Flag{
			modulePathFlag(), pinFileFlag(),
			list("key-friendly-name",
				"`NAME` in the vault, where a key was approved under several; once per key (default: the newest approval)"),
		}),
	}
}

// packageFolderFlags say for whom a package is, where it goes, and what the
// workstation must be like.
func packageFolderFlags() []cli.Flag {
	return []cli.Flag{
		list("subscription-id", "`UUID` of the Azure subscription that holds the vault; once, or once per KEK"),
		&cli.StringFlag{Name: "out", Usage: "`DIR` for the package", Value: "."},
		preflight.AirgapFlag(),
	}
}

func pack(r *command.Run) (command.Result, error) {
	f, err := preflight.Passed(r)
	if err != nil {
		return nil, err
	}
	if err := f.Folders(); err != nil {
		return nil, err
	}
	earlier, left := f.Packages()
	if len(left) == 0 {
		r.Console.Say("complete already: an earlier run has written the package, and nothing was to be done")
		return view.PackagesOf(r, earlier, nil)
	}
	return withOperator(f, func(o *session.Operator) (command.Result, error) {
		tally := r.Console.Tally("writing packages", "is packaged", len(left))
		defer tally.Done()
		packed, err := keys.Operator{Operator: o}.Packer().Pack(left, func(p packing.Packed) { tally.Add(p.Pair.Ident) })
		if err != nil {
			return nil, exitcode.Partly(err, len(packed), len(left))
		}
		return view.PackagesOf(r, earlier, packed)
	})
}
