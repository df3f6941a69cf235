package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/acceptance"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/toolset"
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
				Action: p.Step(modifyACL),
				Flags: slices.Concat(
					[]cli.Flag{modulePathFlag(), pinFileFlag(), identFlag()},
					packageFlags(),
					dialogue.SessionFlags(),
					saidFlags(),
					targetFlags(),
					[]cli.Flag{
						text("approve", "first `WORD` of the list's hash, from an earlier run that showed it (default: asked for)"),
						yes("approve-unseen", "approve the list without its first word; in rehearsals only"),
					},
				),
			},
			{
				Name: "print", Usage: "show what a key may do (aclprint.py)", Action: p.Action(printACL),
				Flags: []cli.Flag{modulePathFlag(), pinFileFlag(), identFlag(),
					&cli.StringFlag{
						Name:  "app",
						Usage: "`APP` of the key: simple, as the HSM says now, or xferacld, its transfer copy as probed and signed",
						Value: kmdata.Transfer,
					}},
			},
		},
	}
}

// targetFlags say what the key is to be in the vault: the quorum approves
// that with it.
func targetFlags() []cli.Flag {
	return []cli.Flag{
		text("key-friendly-name", "`NAME` for the key in the vault"),
		list("key-op",
			"`OPERATION` the key may do in the vault; once per operation (default: every one that its type allows)"),
		yes("exportable", "the key may be released under --release-policy"),
		text("release-policy", "`FILE` with the release policy of an exportable key"),
	}
}

func modifyACL(r *command.Run) (command.Result, error) {
	ident, err := identOf(r)
	if err != nil {
		return nil, err
	}
	if err := dialogue.CheckCards(r, ""); err != nil {
		return nil, err
	}
	chain, err := readChain(r)
	if err != nil {
		return nil, err
	}
	target, pair, err := preflightTransfer(r, chain, ident)
	if err != nil {
		return nil, err
	}
	station, u, err := connectChain(r, chain)
	if err != nil {
		return nil, err
	}
	defer station.Close()
	accepted, err := checkedKEK(r, u, chain, pair)
	if err != nil {
		return nil, err
	}
	transfer := keys.Transfer{Ident: ident, KEK: accepted, Target: target}
	k, err := transfer.Check(chain)
	if err != nil {
		return nil, err
	}
	origin, restored := chain.OriginOf(ident, k.Identity, station.Module.Module)
	u.Say("%s: origin %s", k.Name(), statement.OriginText(origin, restored)) // before a card is called for
	return inSession(r, station, u, dialogue.CardMedia(r, ""), func(s *session.Quorum) (command.Result, error) {
		files, err := keys.Quorum{Quorum: s}.Approve([]keys.Transfer{transfer})
		if err != nil {
			return nil, err
		}
		return view.CopyOf(s.Chain, files[0])
	})
}

// preflightTransfer reads what is to be approved, and refuses what needs no
// person to be refused.
func preflightTransfer(
	r *command.Run,
	chain *kmdata.Chain,
	ident string,
) (t statement.Target, pair toolset.Pair, err error) {
	k, err := chain.Key(ident)
	if err != nil {
		return t, pair, err
	}
	if _, err := r.Required("key-friendly-name"); err != nil {
		return t, pair, err
	}
	if pair, err = readPair(r); err != nil {
		return t, pair, err
	}
	if t, err = targetOf(r, k); err != nil {
		return t, pair, err
	}
	t.Vault = pair.KEK().KID.Vault
	return t, pair, acceptance.Preflight(chain, pair)
}

func targetOf(r *command.Run, k *kmdata.Key) (statement.Target, error) {
	kind, err := k.Kind()
	if err != nil {
		return statement.Target{}, err
	}
	t := statement.Target{
		Name:       r.String("key-friendly-name"),
		KeyOps:     r.StringSlice("key-op"),
		Exportable: r.Bool("exportable"),
	}
	if len(t.KeyOps) == 0 {
		t.KeyOps = kind.KeyOps()
	}
	if err := kek.CheckName(t.Name); err != nil {
		return t, exitcode.Errorf(exitcode.Usage, "--key-friendly-name: %w", err)
	}
	for _, op := range t.KeyOps {
		if !slices.Contains(kind.KeyOps(), op) {
			return t, exitcode.Errorf(exitcode.Usage, "--key-op %s: for %s it is one of %s",
				op, kind, strings.Join(kind.KeyOps(), ", "))
		}
	}
	path := r.String("release-policy")
	if t.Exportable != (path != "") {
		return t, exitcode.Errorf(exitcode.Usage, "--exportable and --release-policy go together")
	}
	if path == "" {
		return t, nil
	}
	policy, err := r.ReadFile(path, maxReleasePolicy)
	t.ReleasePolicy = fingerprint.Of(policy)
	return t, err
}

// maxReleasePolicy is the size of a release policy in bytes that is read.
const maxReleasePolicy = 64 << 10

func printACL(r *command.Run) (command.Result, error) {
	ident, err := identOf(r)
	if err != nil {
		return nil, err
	}
	switch app := r.String("app"); app {
	case kmdata.Transfer:
		return printCopy(r, ident)
	case kmdata.Simple:
	default:
		return nil, exitcode.Errorf(exitcode.Usage, "--app %s: expected %s or %s", app, kmdata.Simple, kmdata.Transfer)
	}
	return withOperator(r, func(o *session.Operator) (command.Result, error) {
		live, recorded, err := keys.Operator{Operator: o}.Permissions(ident)
		if err != nil {
			return nil, err
		}
		view := view.ACL{Key: kmdata.KeyName(kmdata.Simple, ident), Permissions: live, Recorded: recorded}
		if !slices.Equal(live, recorded) {
			return view, exitcode.Errorf(exitcode.Check, "%s: the HSM shows other permissions than were recorded", view.Key)
		}
		return view, nil
	})
}

// printCopy shows the newest transfer copy of a key: its permissions were
// probed while it was on the token, and are signed.
func printCopy(r *command.Run, ident string) (command.Result, error) {
	chain, err := readChain(r)
	if err != nil {
		return nil, err
	}
	copies, err := chain.Copies(ident)
	if err != nil {
		return nil, err
	}
	if len(copies) == 0 {
		return nil, exitcode.Errorf(exitcode.Usage, "%s has no transfer copy", kmdata.KeyName(kmdata.Simple, ident)).
			Hint("byok-offline acl modify --ident %s -k KEKPKG -w SWPKG --card DIR …", ident)
	}
	newest := copies[len(copies)-1]
	return view.ACL{Key: newest.Name(), Permissions: newest.Permissions, Recorded: newest.Permissions}, nil
}
