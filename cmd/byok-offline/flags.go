package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/quorum"
	"byok/internal/world"
)

// text is an option with a value, list one that may be given several times, and
// yes one without a value.

func text(name, usage string) *cli.StringFlag { return &cli.StringFlag{Name: name, Usage: usage} }

func list(name, usage string) *cli.StringSliceFlag {
	return &cli.StringSliceFlag{Name: name, Usage: usage}
}

func yes(name, usage string) *cli.BoolFlag { return &cli.BoolFlag{Name: name, Usage: usage} }

func required(f *cli.StringFlag) *cli.StringFlag {
	f.Required = true
	return f
}

// libraryFlag is --module-path of a command that has no world to take it from.
func libraryFlag() cli.Flag {
	return &cli.StringFlag{
		Name:     "module-path",
		Usage:    "`LIBRARY` of the HSM's vendor, for PKCS#11",
		EnvVars:  []string{"BYOK_PKCS11_MODULE"},
		Required: true,
	}
}

func modulePathFlag() cli.Flag {
	return &cli.StringFlag{
		Name:    "module-path",
		Usage:   "`LIBRARY` of the HSM's vendor, for PKCS#11 (default: the one that the module statement names)",
		EnvVars: []string{"BYOK_PKCS11_MODULE"},
	}
}

func pinFileFlag() cli.Flag {
	return text("pin-file", "`FILE` with the user PIN in its first line (default: asked for)")
}

func identFlag() cli.Flag {
	return required(text("ident", "`NAME` of the key in this world: digits, dashes, lower-case letters"))
}

// identsFlag is --ident of a command that takes several keys.
func identsFlag() []cli.Flag {
	return []cli.Flag{
		list("ident", "`NAME` of a key in this world; once per key"),
		yes("all", "every key of --plan"),
	}
}

// keksFlags are the packages of KEKs, once per KEK.
func keksFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{
			Name:    "kek",
			Aliases: []string{"k"},
			Usage:   "`FILE` of a KEK package, BYOK-KEK-pkg-…; once per KEK",
		},
		&cli.StringSliceFlag{
			Name:    "world-package",
			Aliases: []string{"w"},
			Usage:   "`FILE` of its SecurityWorld package, BYOK-SecurityWorld-pkg-…; once per KEK",
		},
	}
}

func packageFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "kek", Aliases: []string{"k"}, Usage: "`FILE` of the KEK package, BYOK-KEK-pkg-…"},
		&cli.StringFlag{
			Name:    "world-package",
			Aliases: []string{"w"},
			Usage:   "`FILE` of the SecurityWorld package, BYOK-SecurityWorld-pkg-…",
		},
	}
}

// identOf is the key identifier of a command that takes nothing but options.
func identOf(r *command.Run) (string, error) {
	if err := r.NoArgs(); err != nil {
		return "", err
	}
	ident := r.String("ident")
	return ident, exitcode.Mark(exitcode.Usage, keykind.CheckIdent(ident))
}

// cardOrder reads the options of a card set to be dealt, without the holders.
func cardOrder(r *command.Run, u *dialogue.UI, prefix string) (world.CardOrder, error) {
	o := world.CardOrder{Media: dialogue.CardMedia(r, prefix)}
	var err error
	if o.Quorum, err = quorum.ParseQuorum(r.String("acs-quorum")); err != nil {
		return o, err
	}
	if warning := o.Quorum.Warning(); warning != "" {
		u.Warn(warning)
	}
	if err := dialogue.CheckCards(r, prefix); err != nil {
		return o, err
	}
	if names := r.StringSlice(prefix + "holder"); len(names) != 0 {
		o.Holders = names
	}
	return o, nil
}

// askHolders gives the names of the card holders, asked for where the options do not
// give them.
func askHolders(r *command.Run, prefix string) ([]string, error) {
	if names := r.StringSlice(prefix + "holder"); len(names) != 0 {
		return names, nil
	}
	var list []string
	for i, dir := range r.StringSlice(prefix + "card") {
		name, err := r.Console.Ask(fmt.Sprintf("holder of card %d, in %s", i+1, dir), "--"+prefix+"holder NAME")
		if err != nil {
			return nil, err
		}
		list = append(list, name)
	}
	return list, nil
}
