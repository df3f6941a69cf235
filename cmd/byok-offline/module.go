package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/term"
)

func moduleCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "module", Usage: "look at the HSM", Subcommands: []*cli.Command{
		{Name: "list", Usage: "list the tokens of a PKCS#11 library (enquiry)", Action: p.Action(listModules), Flags: []cli.Flag{libraryFlag()}},
		{
			Name: "check", Usage: "run a ceremony's operations on a throw-away token and say what it enforces", Action: p.Step(checkModule),
			Flags: []cli.Flag{libraryFlag(), pinFileFlag(),
				&cli.StringFlag{Name: "with-test-keys", Usage: "use the initialised token with this `SERIAL`, with test keys that are removed again"},
				&cli.StringFlag{Name: "so-pin-file", Usage: "`FILE` with that token's SO PIN (default: what needs the SO is not tried)"}},
		},
	}}
}

func listModules(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	path, err := r.Required("module-path")
	if err != nil {
		return nil, err
	}
	m, err := hsm.Load(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	tokens, err := m.Tokens()
	if err != nil {
		return nil, err
	}
	return moduleView{Library: m.Library, Path: m.Path, Tokens: tokens}, nil
}

type moduleView struct {
	Library string      `json:"library"`
	Path    string      `json:"path"`
	Tokens  []hsm.Token `json:"tokens"`
}

func (v moduleView) Print(w io.Writer) error {
	rows := [][]string{{"SLOT", "LABEL", "SERIAL", "MODEL", "FIRMWARE", "STATE"}}
	for _, t := range v.Tokens {
		state := "free"
		if t.Initialised {
			state = "initialised"
		}
		rows = append(rows, []string{strconv.FormatUint(uint64(t.Slot), 10), t.Label, t.Serial, t.Model, t.Firmware, state})
	}
	if _, err := io.WriteString(w, v.Library+" ("+v.Path+")\n"); err != nil {
		return err
	}
	return term.Table(w, rows)
}

func checkModule(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	path, err := r.Required("module-path")
	if err != nil {
		return nil, err
	}
	if r.String("with-test-keys") == "" && (r.IsSet("pin-file") || r.IsSet("so-pin-file")) {
		return nil, exitcode.Hint(exitcode.Errorf(exitcode.Usage, "a throw-away token gets PINs of its own: --pin-file and --so-pin-file are for an initialised token"),
			"name that token with --with-test-keys SERIAL")
	}
	m, err := hsm.Load(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	properties, err := survey(r, m)
	if err != nil {
		return nil, err
	}
	v := surveyView{Library: m.Library, Properties: properties}
	v.Verdict, v.Why = hsm.Judge(properties)
	r.Event.AddNote("module verdict", string(v.Verdict)+": "+v.Why)
	return v, v.refusal(m.Path)
}

func survey(r *command.Run, m *hsm.Module) ([]hsm.Property, error) {
	serial := r.String("with-test-keys")
	if serial == "" {
		return m.Survey()
	}
	token, err := m.Token(serial)
	if err != nil {
		return nil, err
	}
	r.Event.Module = &ceremony.Module{Library: m.Library, Model: token.Model, Serial: token.Serial}
	var soPIN *secret.Bytes
	if path := r.String("so-pin-file"); path != "" {
		if soPIN, err = term.SecretFile(path); err != nil {
			return nil, err
		}
		defer soPIN.Wipe()
	}
	pin, err := userPIN(r, token.String())
	if err != nil {
		return nil, err
	}
	defer pin.Wipe()
	return m.SurveyToken(token, pin, soPIN)
}

// surveyView prints a property a line and the verdict.
type surveyView struct {
	Library    string         `json:"library"`
	Properties []hsm.Property `json:"properties"`
	Verdict    hsm.Verdict    `json:"verdict"`
	Why        string         `json:"why"`
}

// refusal is the error of a module that will not do. Where only the API to
// initialise a token is wanting, it tells of the other way.
func (v surveyView) refusal(path string) error {
	err := v.Verdict.Refuse(v.Why)
	for _, p := range v.Properties {
		if p.Name == hsm.PropInitToken && p.Standing == hsm.Missing {
			return exitcode.Hint(err, "initialise a token with the vendor's tool, then byok-offline module check --module-path %s --with-test-keys SERIAL --so-pin-file FILE", path)
		}
	}
	return err
}

func (v surveyView) Print(w io.Writer) error {
	rows := [][]string{}
	for _, p := range v.Properties {
		rows = append(rows, []string{string(p.Standing), p.Name, p.Detail})
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "verdict on %s: %s (%s)\n", v.Library, v.Verdict, v.Why)
	return err
}
