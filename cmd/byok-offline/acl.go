package main

import (
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/term"
	"byok/internal/world"
)

func aclCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "acl", Usage: "reduce a key's permissions for transfer, and show them", Subcommands: []*cli.Command{
		{
			Name: "modify", Usage: "make the transfer copy of a key, with a quorum of cards (KeyTransferRemote -ModifyAcls)", Action: p.Step(modifyACL),
			Flags: slices.Concat([]cli.Flag{modulePathFlag(), pinFileFlag(), identFlag()}, packageFlags(), cardFlags(), unattestedFlags()),
		},
		{
			Name: "print", Usage: "show what a key may do, as the HSM says now (aclprint.py)", Action: p.Action(printACL),
			Flags: []cli.Flag{modulePathFlag(), pinFileFlag(), identFlag(),
				&cli.StringFlag{Name: "app", Usage: "`APP` of the key: simple, or xferacld for its transfer copy", Value: world.Transfer}},
		},
	}}
}

func modifyACL(r *command.Run) (command.Result, error) {
	ident, err := identAndCards(r)
	if err != nil {
		return nil, err
	}
	w, err := openWorld(r)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	kek, err := checkedKEK(r, w.World)
	if err != nil {
		return nil, err
	}
	sayKEK(r, kek)
	if k, err := w.Key(world.Simple, ident); err == nil && k.Spec().Secret() && !kek.Attested() {
		r.Console.Warning("%v attests nothing, so it is a key vault, and those take no AES keys: the upload will be refused", kek.KID().Vault)
	}
	pin, err := userPIN(r, w.tokenName())
	if err != nil {
		return nil, err
	}
	defer pin.Wipe()
	cards, err := readCards(r, w.World)
	if err != nil {
		return nil, err
	}
	defer cards.Wipe()
	k, err := w.ModifyACL(w.module, world.ACLChange{Ident: ident, KEK: kek, Cards: cards, PIN: pin, Say: r.Console.Say, Warn: warning(r)})
	if err != nil {
		return nil, err
	}
	return describeKey(w.World, k), nil
}

// identAndCards are what a command needs that works on a key with the quorum.
func identAndCards(r *command.Run) (string, error) {
	ident, err := identOf(r)
	if err != nil {
		return "", err
	}
	return ident, checkCardFlags(r, "")
}

func printACL(r *command.Run) (command.Result, error) {
	ident, err := identOf(r)
	if err != nil {
		return nil, err
	}
	app := r.String("app")
	if app != world.Simple && app != world.Transfer {
		return nil, exitcode.Errorf(exitcode.Usage, "--app %s: %s or %s is expected", app, world.Simple, world.Transfer)
	}
	w, err := openWorld(r)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	k, err := w.Key(app, ident)
	if err != nil {
		return nil, err
	}
	op, err := w.login(r)
	if err != nil {
		return nil, err
	}
	live, recorded, err := op.Permissions(k)
	if err != nil {
		return nil, err
	}
	view := aclView{Key: k.Name(), Permissions: live, Recorded: recorded}
	if !slices.Equal(live, recorded) {
		return view, exitcode.Errorf(exitcode.Check, "%s: the HSM shows other permissions than the key file records", k.Name())
	}
	return view, nil
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
