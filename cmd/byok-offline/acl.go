package main

import (
	"slices"

	"github.com/urfave/cli/v2"

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
					[]cli.Flag{modulePathFlag(), pinFileFlag(), identFlag()},
					packageFlags(),
					dialogue.SessionFlags(),
					saidFlags(),
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
				), "kek", "world-package", "key-friendly-name", "card"),
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
	r := f.Run
	then, err := afterwards(r, station.Module)
	if err != nil {
		return nil, err
	}
	f.Ready(station.Module)
	accepted, err := checkedKEK(f)
	if err != nil {
		return nil, err
	}
	transfer := keys.Transfer{Ident: f.Ident, KEK: accepted, Target: f.Target, Attestation: f.Attestation}
	k, err := transfer.Check(f.Chain)
	if err != nil {
		return nil, err
	}
	origin, restored := f.Chain.OriginOf(f.Ident, k.Identity, station.Module.Module)
	f.UI.Say("%s: origin %s", k.Name(), statement.OriginText(origin, restored)) // before a card is called for
	return inSession(f, station, f.UI, f.Media, func(s *session.Quorum) (command.Result, error) {
		return then(keys.Quorum{Quorum: s}, []keys.Transfer{transfer})
	})
}

// afterwards is what a session does with a transfer: it approves and wraps, and
// where no one works without the cards it also packs and erases.
func afterwards(
	r *command.Run,
	m *statement.Module,
) (func(keys.Quorum, []keys.Transfer) (command.Result, error), error) {
	if m.Traits().Alone() {
		request, err := packRequest(r)
		if err == nil {
			err = preflight.Folder(request.Dir)
		}
		return func(s keys.Quorum, list []keys.Transfer) (command.Result, error) {
			packed, err := s.Deliver(list, request)
			if err != nil {
				return nil, err
			}
			return view.PackageOf(r, packed[0])
		}, err
	}
	if r.IsSet("subscription-id") || r.IsSet("out") {
		return nil, exitcode.Errorf(exitcode.Usage, "guard %s: acl modify writes no package", m.Guard).
			Hint("leave --subscription-id and --out out, and give them to byok-offline package")
	}
	return func(s keys.Quorum, list []keys.Transfer) (command.Result, error) {
		files, err := s.Approve(list)
		if err != nil {
			return nil, err
		}
		return view.CopyOf(s.Chain, files[0])
	}, nil
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
