package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"byok/internal/attest"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/preflight"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/view"
)

func aclCommands(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:  "acl",
		Usage: "have a quorum approve a key for a KEK, and show permissions",
		Subcommands: []*cli.Command{
			{
				Name:   "modify",
				Usage:  "approve a key for a KEK and wrap it, with a quorum of cards (KeyTransferRemote -ModifyAcls)",
				Action: p.Step(onModule(modifyACL)),
				Flags: command.Require(slices.Concat(
					[]cli.Flag{modulePathFlag(), pinFileFlag()},
					identsFlag(),
					keksFlags(),
					dialogue.SessionFlags(),
					saidOfEachFlags(),
					dialogue.TargetFlags(),
					dialogue.AttestationFlags(),
					packageFolderFlags(),
					[]cli.Flag{
						text(
							"approve",
							"`WORD` that the list's hash begins with, from an earlier run that showed it (default: asked for)",
						),
						yes("approve-unseen", "approve the list without its first word; in rehearsals only"),
					},
				), "kek", "world-package", "card"),
			},
			{
				Name: "print", Usage: "show what a key may do (aclprint.py)", Action: p.Action(printACL),
				Flags: append(dialogue.CardFlags(""), modulePathFlag(), pinFileFlag(), identFlag(),
					&cli.StringFlag{
						Name:  "app",
						Usage: "`APP` of the key: simple, as the HSM says now, or xferacld, its transfer copy as probed and signed",
						Value: kmdata.Transfer,
					}),
			},
		},
	}
}

func modifyACL(f *preflight.Facts, station *session.Station) (command.Result, error) {
	if len(f.Left()) == 0 {
		f.UI.Say("complete already: earlier sessions approved all of it, and nothing was to be done")
		return view.CopiesOf(f, f.Chain, nil)
	}
	alone := station.Module.Traits().Alone()
	if err := toPack(f, station.Module, alone); err != nil {
		return nil, err
	}
	f.Ready(station.Module)
	accepted, err := checkedKEKs(f)
	if err != nil {
		return nil, err
	}
	list, err := transfers(f, station, accepted)
	if err != nil {
		return nil, err
	}
	return inSession(f, station, f.UI, f.Media, func(s *session.Quorum) (command.Result, error) {
		tally := f.Run.Console.Tally("wrapping keys", "is wrapped", len(list))
		defer tally.Done()
		q := keys.Quorum{Quorum: s, Wrapped: tally.Add}
		if alone {
			return deliver(f, q, list)
		}
		files, err := q.Approve(list)
		if err != nil {
			return nil, exitcode.Partly(err, len(files), len(list))
		}
		return view.CopiesOf(f, s.Chain, files)
	})
}

// toPack reads where the packages go on a module where no one works without the
// cards: the session that approves also packs, and erases.
func toPack(f *preflight.Facts, m *statement.Module, alone bool) error {
	if alone {
		return f.ToPack()
	}
	if f.Run.IsSet("subscription-id") || f.Run.IsSet("out") {
		return exitcode.Errorf(exitcode.Usage, "guard %s: acl modify writes no package", m.Guard).
			Hint("leave --subscription-id and --out out, and give them to byok-offline package")
	}
	return nil
}

// transfers are the orders that are left, with the KEKs that were accepted.
func transfers(f *preflight.Facts, on *session.Station, accepted []*attest.KEK) (list []keys.Transfer, err error) {
	for _, o := range f.Left() {
		t := keys.Transfer{Ident: o.Ident, KEK: accepted[o.KEK], Target: o.Target, Attestation: o.Attestation}
		k, err := t.Check(f.Chain)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 || list[len(list)-1].Ident != o.Ident { // a key goes to several vaults in a row
			origin, restored := f.Chain.OriginOf(o.Ident, k.Identity, on.Module.Module)
			f.UI.Say("%s: origin %s", k.Name(), statement.OriginText(origin, restored)) // before a card is called for
		}
		list = append(list, t)
	}
	return list, nil
}

func deliver(f *preflight.Facts, s keys.Quorum, transfers []keys.Transfer) (command.Result, error) {
	if err := f.Folders(); err != nil {
		return nil, err
	}
	list := make([]keys.Delivery, len(transfers))
	for i, o := range f.Left() {
		list[i] = keys.Delivery{Transfer: transfers[i], To: o.Package}
	}
	packed, err := s.Deliver(list)
	if err != nil {
		return nil, err
	}
	return view.PackagesOf(f.Run, nil, packed)
}

func printACL(r *command.Run) (command.Result, error) {
	f, err := preflight.Passed(r)
	if err != nil {
		return nil, err
	}
	switch app := r.String("app"); app {
	case kmdata.Transfer:
		return printCopy(f)
	case kmdata.Simple:
	default:
		return nil, exitcode.Errorf(exitcode.Usage, "--app %s: expected %s or %s", app, kmdata.Simple, kmdata.Transfer)
	}
	return withOperator(f, func(o *session.Operator) (command.Result, error) {
		live, recorded, err := keys.Operator{Operator: o}.Permissions(f.Ident)
		if err != nil {
			return nil, err
		}
		view := view.ACL{Key: kmdata.KeyName(kmdata.Simple, f.Ident), Permissions: live, Recorded: recorded}
		if !slices.Equal(live, recorded) {
			return view, exitcode.Errorf(
				exitcode.Check,
				"%s: the HSM shows other permissions than were recorded",
				view.Key,
			)
		}
		return view, nil
	})
}

// printCopy shows the newest transfer copy of a key: its permissions were
// probed while it was on the token, and are signed.
func printCopy(f *preflight.Facts) (command.Result, error) {
	copies, err := f.Chain.Copies(f.Ident)
	if err != nil {
		return nil, err
	}
	if len(copies) == 0 {
		return nil, exitcode.Errorf(exitcode.Usage, "%s has no transfer copy", kmdata.KeyName(kmdata.Simple, f.Ident)).
			Hint("byok-offline acl modify --ident %s -k KEKPKG -w SWPKG --card DIR …", f.Ident)
	}
	newest := copies[len(copies)-1]
	return view.CopyACL(f.Chain, newest)
}
