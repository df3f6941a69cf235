package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/preflight"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/view"
)

func keyCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "key", Usage: "generate, show and restore keys", Subcommands: []*cli.Command{
		{
			Name:   "generate",
			Usage:  "generate a key on the HSM, with a quorum of cards present (generatekey)",
			Action: p.Step(generateKey),
			Flags: slices.Concat([]cli.Flag{
				modulePathFlag(), pinFileFlag(), identFlag(),
				text("plainname", "`NAME` of the key for people (default: the ident)"),
				&cli.StringFlag{Name: "type", Usage: "`TYPE` of the key: RSA, EC or AES", Value: "RSA"},
				&cli.IntFlag{
					Name:        "size",
					Usage:       "`BITS` of it: RSA 2048, 3072, 4096; AES 128, 192, 256",
					DefaultText: "RSA 2048, AES 256",
				},
				text("curve", "`CURVE` of an EC key: P-256, P-384, P-521, P-256K (default: P-256)"),
				text("pubexp", "`EXPONENT` of an RSA key, decimal or 0x hex (default: 65537)"),
				&cli.StringFlag{
					Name:  "protect",
					Usage: "`PROTECTION` of the key: module is the only one that can be transferred",
					Value: "module",
				},
				text("replaces", "`IDENT` of the key that this one follows, as the next version of its name in the vault"),
				yes("without-quorum", "generate with the user PIN alone: the key's origin stays unproved"),
			}, dialogue.SessionFlags()),
		},
		{Name: "list", Usage: "list the keys of this world (nfkminfo -k)", Action: p.Action(listKeys)},
		{Name: "show", Usage: "show one key", Action: p.Action(showKey), Flags: []cli.Flag{identFlag()}},
		{
			Name:   "restore",
			Usage:  "restore keys from their backups, with a quorum of cards",
			Action: p.Step(restoreKeys),
			Flags: command.Require(slices.Concat([]cli.Flag{
				modulePathFlag(), pinFileFlag(),
				list("ident", "`NAME` of a key; once per key"),
				yes("all", "every key of this world that the token does not hold"),
			}, dialogue.SessionFlags()), "card"),
		},
		{
			Name: "retire", Usage: "destroy a key on the HSM and keep its record", Action: p.Step(onModule(retireKey)),
			Flags: append(dialogue.CardFlags(""), modulePathFlag(), pinFileFlag(), identFlag(),
				text("really-destroy", "`IDENT` again, instead of typing it at the prompt")),
		},
		{
			Name:   "freeze",
			Usage:  "make a key's original impossible to wrap, once its backup is proved",
			Action: p.Step(freezeKey),
			Flags: command.Require(slices.Concat([]cli.Flag{modulePathFlag(), pinFileFlag(), identFlag()},
				dialogue.SessionFlags()), "card"),
		},
	}}
}

func generateKey(r *command.Run) (command.Result, error) {
	f := preflight.Of(r)
	var err error
	if f.Generation, err = generation(r); err != nil {
		return nil, err
	}
	if err := f.Pass(); err != nil {
		return nil, err
	}
	if r.Bool("without-quorum") {
		return generateAlone(f)
	}
	return withQuorum(f, func(s *session.Quorum) (command.Result, error) {
		sayParameters(r, f.Generation)
		k, err := keys.Quorum{Quorum: s}.Generate(f.Generation)
		if err != nil {
			return nil, err
		}
		return view.KeyOf(s.Chain, k)
	})
}

func generateAlone(f *preflight.Facts) (command.Result, error) {
	return withOperator(f, func(o *session.Operator) (command.Result, error) {
		f.UI.Warn(f.Ident + ": generated without the quorum; its origin stays unproved: the operator may know its value")
		if f.Generation.Replaces != "" {
			f.UI.Warn(fmt.Sprintf("%s: that it follows %s is in its key file alone, which the operator signs",
				f.Ident, f.Generation.Replaces))
		}
		sayParameters(f.Run, f.Generation)
		k, err := keys.Operator{Operator: o}.Generate(f.Generation)
		if err != nil {
			return nil, err
		}
		return view.KeyOf(o.Chain, k)
	})
}

// generation reads the options into a request that can be met.
func generation(r *command.Run) (keys.Generation, error) {
	g := keys.Generation{PlainName: r.String("plainname"), Replaces: r.String("replaces")}
	var err error
	if g.Ident, err = identOf(r); err != nil {
		return g, err
	}
	if protect := r.String("protect"); protect != "module" {
		return g, exitcode.Errorf(exitcode.Usage, "--protect %s: only module-protected keys can be transferred", protect).
			Hint("give --protect module")
	}
	switch alone, given := r.Bool("without-quorum"), len(r.StringSlice("card")) > 0; {
	case alone && given:
		return g, exitcode.Errorf(exitcode.Usage, "--card and --without-quorum are mutually exclusive")
	case !alone && !given:
		return g, exitcode.Errorf(exitcode.Usage, "key generate needs the administrator cards").
			Hint("give --card DIR once per card; with --without-quorum the key's origin stays unproved")
	}
	g.Spec, err = keySpec(r)
	return g, err
}

func keySpec(r *command.Run) (s hsm.Spec, err error) {
	kind, bits, curve := keykind.Type(strings.ToUpper(r.String("type"))), r.Int("size"), r.String("curve")
	if kind == keykind.EC && r.IsSet("size") || kind != keykind.EC && r.IsSet("curve") ||
		kind != keykind.RSA && r.IsSet("pubexp") {
		return s, exitcode.Errorf(exitcode.Usage,
			"--size is for RSA and AES keys, --curve for EC keys, --pubexp for RSA keys; the type is %s", kind)
	}
	switch {
	case kind == keykind.RSA && bits == 0:
		bits = 2048
	case kind == keykind.AES && bits == 0:
		bits = 256
	case kind == keykind.EC && curve == "":
		curve = "P-256"
	}
	if s.Kind, err = keykind.Lookup(kind, bits, curve); err != nil {
		return s, err
	}
	s.Exponent, err = exponent(r.String("pubexp"))
	return s, err
}

// exponent reads a public exponent; blank is the default, as in pubexp= of generatekey.
func exponent(text string) (uint32, error) {
	if text == "" {
		return 0, nil
	}
	e, err := strconv.ParseUint(text, 0, 32)
	if err != nil || e > math.MaxInt32 || e < 3 || e%2 == 0 {
		return 0, exitcode.Errorf(exitcode.Usage,
			"--pubexp %s: expected an odd number of at least 3 and at most %d", text, math.MaxInt32)
	}
	return uint32(e), nil
}

// sayParameters says what is about to be made, as generatekey did.
func sayParameters(r *command.Run, g keys.Generation) {
	name, exponent := kmdata.KeyName(kmdata.Simple, g.Ident), ""
	if g.Spec.Exponent != 0 {
		exponent = fmt.Sprintf(", public exponent %d", g.Spec.Exponent)
	}
	follows := ""
	if g.Replaces != "" {
		follows = ", to follow " + g.Replaces
	}
	r.Console.Say("generating %s: %v%s, protected by the module%s", name, g.Spec.Kind, exponent, follows)
}

func listKeys(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	chain, err := preflight.World(r)
	if err != nil {
		return nil, err
	}
	list, damaged := chain.Readable()
	shown, err := view.KeysOf(chain, list)
	return shown, errors.Join(damaged, err)
}

func showKey(r *command.Run) (command.Result, error) {
	ident, err := identOf(r)
	if err != nil {
		return nil, err
	}
	chain, err := preflight.World(r)
	if err != nil {
		return nil, err
	}
	k, err := chain.Key(ident)
	if err != nil {
		return nil, err
	}
	return view.KeyWithHistory(chain, k)
}

// restoreKeys brings keys back from their backups.
func restoreKeys(r *command.Run) (command.Result, error) {
	f, err := preflight.Passed(r)
	if err != nil {
		return nil, err
	}
	list := f.Restorable
	for _, one := range list {
		f.UI.Say("%s: origin after restoring: %s", one.Key.Name(), statement.OriginText(one.Origin, true))
	}
	return withQuorum(f, func(s *session.Quorum) (command.Result, error) {
		q := keys.Quorum{Quorum: s}
		if r.Bool("all") {
			if list, err = q.Missing(list); err != nil {
				return nil, err
			}
		}
		if err := q.Restore(list); err != nil {
			return nil, err
		}
		return view.KeysOf(s.Chain, keys.Files(list))
	})
}

// retireKey destroys a key's objects after its identifier was typed again.
func retireKey(f *preflight.Facts, station *session.Station) (command.Result, error) {
	r := f.Run
	f.Ready(station.Module)
	if err := confirmRetirement(r, station, f.Ident); err != nil {
		return nil, err
	}
	return asOperator(f, station, func(o *session.Operator) (command.Result, error) {
		record, err := keys.Operator{Operator: o}.Retire(f.Ident)
		if err != nil {
			return nil, err
		}
		return view.Retired{Retired: *record}, nil
	})
}

func confirmRetirement(r *command.Run, s *session.Station, ident string) error {
	if again := r.String("really-destroy"); again != "" {
		if again != ident {
			return exitcode.Errorf(exitcode.Refused, "--really-destroy %s does not match --ident %s", again, ident)
		}
		return nil
	}
	return r.Console.Confirm(fmt.Sprintf("key %s on %v will be destroyed; type its identifier", ident, s.Token), ident)
}

func freezeKey(r *command.Run) (command.Result, error) {
	f, err := preflight.Passed(r)
	if err != nil {
		return nil, err
	}
	return withQuorum(f, func(s *session.Quorum) (command.Result, error) {
		k, err := keys.Quorum{Quorum: s}.Freeze(f.Ident)
		if err != nil {
			return nil, err
		}
		return view.KeyOf(s.Chain, k)
	})
}
