package main

import (
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/term"
	"byok/internal/toolset"
	"byok/internal/world"
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
					sessionFlags(),
					saidFlags(),
					targetFlags(),
					[]cli.Flag{
						&cli.StringFlag{
							Name:  "approve",
							Usage: "first `WORD` of the list's hash, from an earlier run that showed it (default: asked for)",
						},
						&cli.BoolFlag{Name: "approve-unseen", Usage: "approve the list without its first word; in rehearsals only"},
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

// targetFlags say how the key is to stand in the vault: the quorum approves
// that with it.
func targetFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "key-friendly-name", Usage: "`NAME` that the key shall have in the vault"},
		&cli.StringSliceFlag{
			Name:  "key-op",
			Usage: "`OPERATION` the key may do in the vault; once per operation (default: every one that its type allows)",
		},
		&cli.BoolFlag{Name: "exportable", Usage: "the key may be released under --release-policy"},
		&cli.StringFlag{Name: "release-policy", Usage: "`FILE` with the release policy of an exportable key"},
	}
}

func modifyACL(r *command.Run) (command.Result, error) {
	ident, err := identOf(r)
	if err != nil {
		return nil, err
	}
	if err := checkCardFlags(r, ""); err != nil {
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
	kek, err := checkedKEK(r, chain, pair)
	if err != nil {
		return nil, err
	}
	transfer := keys.Transfer{Ident: ident, KEK: kek, Target: target}
	if _, err := transfer.Check(chain); err != nil {
		return nil, err
	}
	return inSession(r, station, u, cardMedia(r, ""), func(s *session.Quorum) (command.Result, error) {
		files, err := keys.Quorum{Quorum: s}.Approve([]keys.Transfer{transfer})
		if err != nil {
			return nil, err
		}
		return describeCopy(s.Chain, files[0])
	})
}

// preflightTransfer reads what is to be approved, and refuses what needs no
// person to be refused.
func preflightTransfer(
	r *command.Run,
	chain *kmdata.Chain,
	ident string,
) (t kmdata.Target, pair toolset.Pair, err error) {
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
	return t, pair, preflightKEK(chain, pair)
}

func targetOf(r *command.Run, k *kmdata.Key) (kmdata.Target, error) {
	kind, err := k.Kind()
	if err != nil {
		return kmdata.Target{}, err
	}
	t := kmdata.Target{
		Name:       r.String("key-friendly-name"),
		KeyOps:     r.StringSlice("key-op"),
		Exportable: r.Bool("exportable"),
	}
	if len(t.KeyOps) == 0 {
		t.KeyOps = kind.KeyOps()
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
		return nil, exitcode.Errorf(exitcode.Usage, "--app %s: %s or %s is expected", app, kmdata.Simple, kmdata.Transfer)
	}
	return withOperator(r, func(o *session.Operator) (command.Result, error) {
		live, recorded, err := world.Operator{Operator: o}.Permissions(ident)
		if err != nil {
			return nil, err
		}
		view := aclView{Key: kmdata.KeyName(kmdata.Simple, ident), Permissions: live, Recorded: recorded}
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
	return aclView{Key: newest.Name(), Permissions: newest.Permissions, Recorded: newest.Permissions}, nil
}

// aclView is the permissions of one key: what the HSM says, and what was recorded.
type aclView struct {
	Key         string   `json:"key"`
	Permissions []string `json:"permissions"`
	Recorded    []string `json:"recorded"`
}

// groups sorts the attributes as a person asks about them.
func groups() [][]string {
	return [][]string{
		{"may", "SIGN", "SIGN_RECOVER", "VERIFY", "ENCRYPT", "DECRYPT", "WRAP", "UNWRAP", "DERIVE"},
		{"may be changed", "MODIFIABLE"},
		{"may leave the HSM", "EXTRACTABLE", "WRAP_WITH_TRUSTED"},
		{"protected", "SENSITIVE", "ALWAYS_SENSITIVE", "NEVER_EXTRACTABLE", "LOCAL", "TRUSTED"},
	}
}

func (v aclView) Print(w io.Writer) error {
	rows := [][]string{{"key", v.Key}}
	for _, group := range groups() {
		for i, name := range group[1:] {
			title := ""
			if i == 0 {
				title = group[0]
			}
			rows = append(rows, []string{title, name, yesNo(slices.Contains(v.Permissions, name))})
		}
	}
	return term.Table(w, rows)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// copyView is what is shown of a wrapped copy and its authorization.
type copyView struct {
	kmdata.Key
	Pair kmdata.Pair `json:"approved"`
	Path string      `json:"path"`
}

func describeCopy(c *kmdata.Chain, k *kmdata.Key) (command.Result, error) {
	_, a, err := c.Authorization(k.Copy.Number)
	if err != nil {
		return nil, err
	}
	return copyView{Key: *k, Pair: a.Pairs[k.Copy.Index], Path: filepath.Join(kmdata.Local(c.Dir()), k.Name())}, nil
}

func (v copyView) Print(w io.Writer) error {
	return term.Table(w, [][]string{
		{"wrapped copy", v.Name() + rehearsalMark(v.Rehearsal)}, {"type", v.Identity.String()},
		{"origin", kmdata.OriginText(v.Pair.Origin, v.Pair.Restored)}, {"for KEK", v.Pair.KEK.KID.String()},
		{"in the vault", v.Pair.Target.Name + ", " + strings.Join(v.Pair.Target.KeyOps, " ")},
		{"permissions", strings.Join(v.Permissions, " ")}, {"path", v.Path},
	})
}
