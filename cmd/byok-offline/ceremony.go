package main

import (
	"path/filepath"

	"github.com/urfave/cli/v2"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/dialogue"
	"byok/internal/durable"
	"byok/internal/preflight"
	"byok/internal/report"
	"byok/internal/script"
	"byok/internal/session"
	"byok/internal/shared"
	"byok/internal/view"
	"byok/internal/world"
)

func ceremonyCommands(p *command.Program) *cli.Command {
	group := shared.Ceremony(p)
	group.Subcommands = append(group.Subcommands, &cli.Command{
		Name:   "seal",
		Usage:  "have the module sign the ceremony log, or with cards the quorum",
		Action: p.Step(sealLog),
		Flags:  append([]cli.Flag{modulePathFlag(), pinFileFlag()}, dialogue.SessionFlags()...),
	}, bundleCommand(p), shared.DryRun(p, nil))
	group.Subcommands = append(group.Subcommands,
		shared.Held(p, script.Disconnected, nil, p.HSMFlags...)...)
	return group
}

const bundleText = `Collects the record of a ceremony in one new folder: kmdata, and from the folders
named with --from the connected workstation's log, toolsets, packages and proofs.
The module signs the list of their hashes. The folder's check.sh checks all of it
with openssl; "byok-online audit" says more.

It holds no secret: give it to the auditors, and keep a copy.`

func bundleCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:        "bundle",
		Usage:       "put the record of a ceremony into one folder, for auditors",
		Description: bundleText,
		Action:      p.Check(command.WithoutFiles(makeBundle)),
		Flags: []cli.Flag{
			modulePathFlag(),
			pinFileFlag(),
			&cli.StringSliceFlag{Name: "from", Usage: "`DIR` to search for the rest of the record, such as the USB stick's"},
			&cli.StringFlag{Name: "plan", Usage: "`FILE` of the plan"},
			&cli.StringFlag{Name: "out", Usage: "`DIR` for the bundle, a new one", Required: true},
		},
	}
}

func makeBundle(r *command.Run) (command.Result, error) {
	out := r.String("out")
	if err := durable.FreeFolder(out, "a bundle"); err != nil {
		return nil, err
	}
	f, err := preflight.Passed(r)
	if err != nil {
		return nil, err
	}
	found, err := bundle.Collect(f.Chain.Dir(), r.StringSlice("from"), r.String("plan"))
	if err != nil {
		return nil, err
	}
	sum, err := command.ExecutableSum()
	if err != nil {
		return nil, err
	}
	var confined []bundle.Attempt
	for _, row := range confine.Check().Rows() {
		confined = append(confined, bundle.Attempt(row))
	}
	by := bundle.NewSoftware(r.Program.Name, sum, r.Program.Built, confined)
	return withOperator(f, func(o *session.Operator) (command.Result, error) {
		maker := bundle.Maker{Module: o.Module.Module, By: by, Sign: o.Sign, Report: report.Make}
		files := found.Files
		if err := maker.Make(out, files); err != nil {
			return nil, err
		}
		if _, err := r.Wrote(filepath.Join(out, bundle.Sums)); err != nil {
			return nil, err
		}
		return view.Bundle{Folder: out, Files: len(files), Packages: files.Packages()}, nil
	})
}

// sealLog signs the log's head: the module's KML alone, or with --card KNSO as
// a statement.
func sealLog(r *command.Run) (command.Result, error) {
	f, err := preflight.Passed(r)
	if err != nil {
		return nil, err
	}
	if len(f.Media) > 0 {
		return withQuorum(f, func(s *session.Quorum) (command.Result, error) {
			entry, err := world.Quorum{Quorum: s}.Seal()
			if err != nil {
				return nil, err
			}
			return view.Seal{By: "KNSO", Statement: entry.Number(), Words: entry.Sum.FirstWords(8)}, nil
		})
	}
	return withOperator(f, func(o *session.Operator) (command.Result, error) {
		kml, err := o.Module.KMLHash()
		if err != nil {
			return nil, err
		}
		var sealed ceremony.Head
		err = r.Seal(func(head ceremony.Head) (ceremony.Seal, error) {
			sealed = head
			sig, err := o.Sign(head.Text())
			return ceremony.Seal{Module: o.Module.Module, KML: kml, Signature: sig}, err
		})
		if err != nil {
			return nil, err
		}
		return view.Seal{By: "KML", Lines: sealed.Lines, Words: sealed.SHA256.FirstWords(8)}, nil
	})
}
