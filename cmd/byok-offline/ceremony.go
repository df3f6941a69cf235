package main

import (
	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/dialogue"
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
	})
	return group
}

// sealLog signs the log's head: the module's KML alone, or with --card KNSO as
// a statement.
func sealLog(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	if len(r.StringSlice("card")) > 0 {
		return withQuorum(r, nil, func(s *session.Quorum) (command.Result, error) {
			entry, err := world.Quorum{Quorum: s}.Seal()
			if err != nil {
				return nil, err
			}
			return view.Seal{By: "KNSO", Statement: entry.Number(), Words: entry.Sum.FirstWords(8)}, nil
		})
	}
	return withOperator(r, func(o *session.Operator) (command.Result, error) {
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
