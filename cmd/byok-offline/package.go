package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/keys"
	"byok/internal/preflight"
	"byok/internal/session"
	"byok/internal/transfer"
	"byok/internal/version"
	"byok/internal/view"
)

func packageCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:   "package",
		Usage:  "write the transfer package that a quorum approved (KeyTransferRemote -Package)",
		Action: p.Step(pack),
		Flags: command.Require(slices.Concat(dialogue.CardFlags(""), packageFolderFlags(), packageFlags(), []cli.Flag{
			modulePathFlag(), pinFileFlag(), identFlag(),
			text("key-friendly-name",
				"`NAME` in the vault, where the key was approved under several (default: the newest approval)"),
		}), "subscription-id"),
	}
}

// packageFolderFlags say for whom a package is, and where it goes.
func packageFolderFlags() []cli.Flag {
	return []cli.Flag{
		text("subscription-id", "`UUID` of the Azure subscription that holds the vault"),
		&cli.StringFlag{Name: "out", Usage: "`DIR` for the package", Value: "."},
	}
}

func pack(r *command.Run) (command.Result, error) {
	f := preflight.Of(r)
	var err error
	if f.Package, err = packRequest(r); err != nil {
		return nil, err
	}
	if r.IsSet("kek") || r.IsSet("world-package") { // which approval, where there are several
		pair, err := preflight.Pair(r)
		if err != nil {
			return nil, err
		}
		f.Package.KEK = keys.Packages{KEK: pair.KEKHash(), World: pair.SecurityWorldHash()}
	}
	if err := f.Pass(); err != nil {
		return nil, err
	}
	if len(f.Packed.Paths) > 0 {
		r.Console.Say("complete already: an earlier run has written the package, and nothing was to be done")
		return view.PackageOf(r, f.Packed)
	}
	return withOperator(f, func(o *session.Operator) (command.Result, error) {
		packed, err := keys.Operator{Operator: o}.Package(f.Package)
		if err != nil {
			return nil, err
		}
		return view.PackageOf(r, packed)
	})
}

func packRequest(r *command.Run) (keys.PackRequest, error) {
	q := keys.PackRequest{
		SubscriptionID: r.String("subscription-id"), Name: r.String("key-friendly-name"),
		Dir: r.String("out"), Generator: "byok-offline " + version.String(),
	}
	var err error
	if q.Ident, err = identOf(r); err != nil {
		return q, err
	}
	if _, err := r.Required("subscription-id"); err != nil {
		return q, err
	}
	if !transfer.IsUUID(q.SubscriptionID) {
		return q, exitcode.Errorf(exitcode.Usage, "--subscription-id %s: expected a UUID", q.SubscriptionID).
			Hint("byok-online subscription list, on the connected workstation, shows it")
	}
	return q, nil
}
