package main

import (
	"cmp"
	"slices"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/survey"
	"byok/internal/preflight"
	"byok/internal/secondproc"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/term"
	"byok/internal/twologins"
	"byok/internal/view"
	"byok/internal/world"
)

func moduleCommands(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:  "module",
		Usage: "examine an HSM, and have the quorum accept one",
		Subcommands: []*cli.Command{
			{
				Name:   "list",
				Usage:  "list the tokens of a PKCS#11 library (enquiry)",
				Action: p.Action(listModules),
				Flags:  []cli.Flag{libraryFlag()},
			},
			{
				Name:   "check",
				Usage:  "run a ceremony's operations on a throw-away token and report which protections the HSM enforces",
				Action: p.Step(checkModule),
				Flags: []cli.Flag{libraryFlag(), pinFileFlag(),
					text("with-test-keys", "`TOKEN` that is initialised, to use with test keys that are removed again"),
					text("so-pin-file", "`FILE` with that token's SO PIN (default: what needs the SO is not tried)"),
					text("quorum-pin-file", "`FILE` with the PIN of the login that exports, where logins have rights of "+
						"their own: --pin-file is the operator's then"),
					text("guard",
						"`GUARD` that the module must be able to have, as world create takes it (default: any)")},
			},
			{
				Name:   "accept",
				Usage:  "accept another library or configuration for a module of the world, with a quorum of cards",
				Action: p.Step(acceptModule),
				Flags: command.Require(slices.Concat([]cli.Flag{libraryFlag(), pinFileFlag()},
					dialogue.SessionFlags(), dialogue.AcceptFlags()), "card"),
			},
			{
				Name:   "strike-off",
				Usage:  "strike off a module that will not come back, with a quorum of cards",
				Action: p.Step(strikeOffModule),
				Flags: command.Require(slices.Concat([]cli.Flag{modulePathFlag(), pinFileFlag(),
					text("module", "`ID` of a module, as world info --output json shows it"),
					text("reason", "`TEXT` for the record")}, dialogue.SessionFlags()), "module", "reason", "card"),
			},
		},
	}
}

func listModules(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	m, err := loadNamed(r)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	tokens, err := dialogue.Tokens(r, m)
	if err != nil {
		return nil, err
	}
	return view.Tokens{Library: m.Library, Path: m.Path, Tokens: tokens}, nil
}

// loadNamed loads the library of --module-path.
func loadNamed(r *command.Run) (*hsm.Module, error) {
	return hsm.Load(r.String("module-path"))
}

func checkModule(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	if r.IsSet("token") {
		return nil, exitcode.Errorf(exitcode.Usage,
			"module check takes its token from --with-test-keys, in the forms of --token")
	}
	if err := checkPINs(r); err != nil {
		return nil, err
	}
	guard, err := statement.ParseGuard(r.String("guard"))
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	m, err := loadNamed(r)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	v := view.Survey{Library: m.Library}
	if v.Properties, v.Processes, err = surveyed(r, m); err != nil {
		return nil, err
	}
	if v.Device, err = survey.Describe(m, r.String("with-test-keys")); err != nil {
		return nil, err
	}
	v.Guards = survey.Guards(v.Properties, secondproc.Shown(v.Processes))
	v.Conclusion = survey.Conclude(v.Guards, guard)
	r.Event.AddNote("module check", v.Conclusion.Why)
	return v, v.Refusal(m.Path)
}

// checkPINs refuses options of PINs that a check does not take.
func checkPINs(r *command.Run) error {
	given := r.IsSet("pin-file") || r.IsSet("so-pin-file") || r.IsSet("quorum-pin-file")
	switch {
	case r.String("with-test-keys") == "" && given:
		return exitcode.Errorf(exitcode.Usage, "a throw-away token gets PINs of its own: --pin-file, --so-pin-file and "+
			"--quorum-pin-file are for an initialised token").
			Hint("name that token with --with-test-keys SERIAL")
	case r.IsSet("so-pin-file") && r.IsSet("quorum-pin-file"):
		return exitcode.Errorf(exitcode.Usage, "--so-pin-file and --quorum-pin-file are mutually exclusive")
	}
	return nil
}

// surveyed tries the module, and what a second process can do.
func surveyed(r *command.Run, m *hsm.Module) ([]survey.Property, []secondproc.Row, error) {
	id := r.String("with-test-keys")
	if id == "" {
		return secondproc.SurveyThrowAway(m)
	}
	token, err := m.Token(id)
	if err != nil {
		return nil, nil, err
	}
	r.Event.Module = &ceremony.Module{Library: m.Library, Model: token.Model, Serial: token.Serial}
	other, err := otherPIN(r)
	if err != nil {
		return nil, nil, err
	}
	defer other.Wipe()
	pin, err := dialogue.New(r, false).UserPIN(token)
	if err != nil {
		return nil, nil, err
	}
	defer pin.Wipe()
	if r.IsSet("quorum-pin-file") {
		return twologins.Logins{Module: m, Token: token, Operator: pin, Quorum: other}.Survey()
	}
	return secondproc.SurveyToken(m, token, pin, other)
}

// otherPIN reads the SO PIN or the quorum's; nil if neither is given.
func otherPIN(r *command.Run) (*secret.Bytes, error) {
	path := cmp.Or(r.String("so-pin-file"), r.String("quorum-pin-file"))
	if path == "" {
		return nil, nil
	}
	return term.SecretFile(path)
}

// acceptModule has the quorum accept another library for a module at hand.
func acceptModule(r *command.Run) (command.Result, error) {
	f, err := preflight.Passed(r)
	if err != nil {
		return nil, err
	}
	f.ReadyToAccept()
	station, err := dialogue.ConnectNew(r, f.Chain, f.UI)
	if err != nil {
		return nil, err
	}
	defer station.Close()
	recordModule(r, station)
	return inSession(f, station, f.UI, f.Media, func(s *session.Quorum) (command.Result, error) {
		if err := (world.Quorum{Quorum: s}).Accept(); err != nil {
			return nil, err
		}
		return view.WorldOf(s.Chain), nil
	})
}

func strikeOffModule(r *command.Run) (command.Result, error) {
	f, err := preflight.Passed(r)
	if err != nil {
		return nil, err
	}
	return withQuorum(f, func(s *session.Quorum) (command.Result, error) {
		if err := (world.Quorum{Quorum: s}).StrikeOff(r.String("module"), r.String("reason")); err != nil {
			return nil, err
		}
		return view.WorldOf(s.Chain), nil
	})
}
