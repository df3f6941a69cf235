package main

import (
	"errors"
	"fmt"
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

func keyCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "key", Usage: "generate, show and restore keys", Subcommands: []*cli.Command{
		{
			Name:   "generate",
			Usage:  "generate a key on the HSM, with a quorum of cards present (generatekey)",
			Action: p.Step(generateKey),
			Flags: slices.Concat([]cli.Flag{
				modulePathFlag(), pinFileFlag(),
				text("plainname", "`NAME` of the key for people (default: the ident)"),
			}, preflight.KindFlags(), []cli.Flag{
				&cli.StringFlag{
					Name:  "protect",
					Usage: "`PROTECTION` of the key: module is the only one that can be transferred",
					Value: "module",
				},
				text("replaces", "`IDENT` of the key that this one follows, as the next version of its name in the vault"),
				yes("without-quorum", "generate with the user PIN alone: the key's origin stays unproved"),
			}, identsFlag(), dialogue.SessionFlags()),
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
	f, err := preflight.Passed(r)
	switch {
	case err != nil:
		return nil, err
	case len(f.Generations) == 0:
		r.Console.Say("complete already: earlier runs have made the keys, and nothing was to be done")
		return view.MadeOf(f)
	case r.Bool("without-quorum"):
		return generateAlone(f, f.Generations[0])
	}
	return withQuorum(f, func(s *session.Quorum) (command.Result, error) {
		if len(f.Orders) > 1 || f.Plan != nil {
			return generateAll(f, keys.Quorum{Quorum: s, Jobs: r.Int("jobs")})
		}
		sayParameters(r, f.Generations[0])
		k, err := keys.Quorum{Quorum: s}.Generate(f.Generations[0])
		if err != nil {
			return nil, err
		}
		return view.KeyOf(s.Chain, k)
	})
}

// generateAll makes several keys. What is made before an error stays.
func generateAll(f *preflight.Facts, s keys.Quorum) (command.Result, error) {
	tally := f.Run.Console.Tally("generating keys", "is made", len(f.Generations))
	err := s.GenerateAll(f.Generations, func(g keys.Generation) { tally.Add(g.Ident) })
	tally.Done()
	if err != nil {
		return nil, exitcode.Partly(err, tally.Number(), len(f.Generations))
	}
	f.Chain = s.Chain
	return view.MadeOf(f)
}

func generateAlone(f *preflight.Facts, g keys.Generation) (command.Result, error) {
	return withOperator(f, func(o *session.Operator) (command.Result, error) {
		f.UI.Warn(f.Ident + ": generated without the quorum; its origin stays unproved: the operator may know its value")
		if g.Replaces != "" {
			f.UI.Warn(fmt.Sprintf("%s: that it follows %s is in its key file alone, which the operator signs",
				f.Ident, g.Replaces))
		}
		sayParameters(f.Run, g)
		k, err := keys.Operator{Operator: o}.Generate(g)
		if err != nil {
			return nil, err
		}
		return view.KeyOf(o.Chain, k)
	})
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
