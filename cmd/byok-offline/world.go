package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/term"
	"byok/internal/world"
)

func worldCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "world", Usage: "create, check and recover the security world", Subcommands: []*cli.Command{
		{
			Name: "create", Usage: "create a security world and its administrator cards (new-world)", Action: p.Step(createWorld),
			Flags: slices.Concat([]cli.Flag{libraryFlag(), pinFileFlag()}, newCardFlags(""), []cli.Flag{
				&cli.StringFlag{Name: "label", Usage: "`NAME` of the token, at most 32 bytes", Value: "byok"},
				&cli.StringFlag{Name: "cipher-suite", Usage: "`SUITE` of the world's keys", Value: world.SuiteDefault},
				&cli.BoolFlag{Name: "rehearsal", Usage: "make a world for rehearsals, which production refuses"},
				&cli.BoolFlag{Name: "initialize", Usage: "destroy what is on the initialised token of that label; its serial must be typed"},
				&cli.BoolFlag{Name: "adopt", Usage: "keep the initialised token of that label; its SO PIN is sealed under the cards"},
				&cli.StringFlag{Name: "so-pin-file", Usage: "`FILE` with that token's present SO PIN (default: asked for)"},
			}),
		},
		{Name: "info", Usage: "show the world: modules, quorum, card holders, hknso (nfkminfo)", Action: p.Action(worldInfo)},
		{
			Name: "check", Usage: "check token, kmdata and cards against what was recorded (nfkmcheck)", Action: p.Step(checkWorld),
			Flags: slices.Concat([]cli.Flag{modulePathFlag(), pinFileFlag()}, cardFlags()),
		},
		{
			Name: "recover", Usage: "make the world again on an empty module, with a quorum of cards", Action: p.Step(recoverWorld),
			Flags: slices.Concat([]cli.Flag{modulePathFlag(), pinFileFlag()}, cardFlags(), []cli.Flag{
				&cli.StringFlag{Name: "label", Usage: "`NAME` of the token (default: the world's)"},
			}),
		},
		{
			Name: "replace-cards", Usage: "make a new administrator card set; the old cards open the token no more", Action: p.Step(replaceCards),
			Flags: slices.Concat([]cli.Flag{modulePathFlag(), pinFileFlag()}, cardFlags(), newCardFlags("new-")),
		},
	}}
}

func createWorld(r *command.Run) (command.Result, error) {
	c, err := creation(r)
	if err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	m, err := hsm.Load(r.String("module-path"))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	var keeps bool
	if c.Token, keeps, err = chooseToken(r, m, c.Label); err != nil {
		return nil, err
	}
	defer c.Token.Wipe()
	if c.UserPIN, err = newUserPIN(r, c.Label, keeps); err != nil {
		return nil, err
	}
	defer c.UserPIN.Wipe()
	defer func() { wipePassphrases(c.CardOrder) }()
	if err := askPassphrases(r, "", &c.CardOrder); err != nil {
		return nil, err
	}
	w, err := world.Create(m, c)
	if err != nil {
		return nil, err
	}
	recordWorld(r, m, w, w.Module)
	return describeWorld(w)
}

// recordWorld puts the world, its module and card holders into the ceremony log.
func recordWorld(r *command.Run, m *hsm.Module, w *world.World, module world.Module) {
	r.Event.Rehearsal = w.Rehearsal
	r.Event.Module = &ceremony.Module{Library: m.Library, Model: module.Model, Serial: module.Serial}
	r.Event.AddNote("hknso", w.HKNSO.String())
	for _, holder := range w.CardSet().Holders {
		r.Event.AddNote("card holder", holder)
	}
}

// creation reads the flags; it asks for nothing that they give.
func creation(r *command.Run) (world.Creation, error) {
	c := world.Creation{Label: r.String("label"), Suite: r.String("cipher-suite"), Rehearsal: r.Bool("rehearsal")}
	if err := r.NoArgs(); err != nil {
		return c, err
	}
	if _, err := r.Required("module-path"); err != nil {
		return c, err
	}
	if r.Bool("adopt") && r.Bool("initialize") {
		return c, exitcode.Errorf(exitcode.Usage, "--adopt keeps a token as it is and --initialize destroys what is on it: one of them is expected")
	}
	if r.IsSet("so-pin-file") && !r.Bool("adopt") && !r.Bool("initialize") {
		return c, exitcode.Errorf(exitcode.Usage, "--so-pin-file is for --adopt and --initialize: a free token's SO PIN is derived from the cards")
	}
	var err error
	if c.KMData, err = r.KMData(); err != nil {
		return c, err
	}
	if c.Suite == world.SuiteOld {
		r.Console.Warning("cipher suite %s names a 1024-bit group, below any current minimum; the same world as with %s is made", world.SuiteOld, world.SuiteDefault)
	}
	if c.Rehearsal {
		r.Console.Warning("REHEARSAL world: nothing it makes is taken in production")
	}
	c.CardOrder, err = cardOrder(r, "", c.Rehearsal)
	return c, err
}

// chooseToken finds the initialised token of --adopt or --initialize and gets
// its present SO PIN; without them a free token will do. keeps tells whether
// the token has a user PIN that stays.
func chooseToken(r *command.Run, m *hsm.Module, label string) (choice world.TokenChoice, keeps bool, err error) {
	choice.Adopt, choice.Initialize = r.Bool("adopt"), r.Bool("initialize")
	if !choice.Adopt && !choice.Initialize {
		return choice, false, nil
	}
	labelled, err := m.Labelled(label)
	if err != nil {
		return choice, false, err
	}
	if len(labelled) != 1 {
		return choice, false, exitcode.Hint(exitcode.Errorf(exitcode.Usage, "%d initialised tokens are labelled %q, one is expected", len(labelled), label),
			"byok-offline module list --module-path %s", m.Path)
	}
	token := labelled[0]
	if choice.Initialize {
		if err := r.Console.Confirm(fmt.Sprintf("everything on %v will be destroyed", token), token.Serial); err != nil {
			return choice, false, err
		}
		r.Event.AddNote("initialised again", token.String())
	} else {
		warning(r)(fmt.Sprintf("%v keeps its SO PIN: whoever knew it before can still log in as SO, without the cards", token))
	}
	choice.SOPIN, err = secretFrom(r, "so-pin-file", fmt.Sprintf("present SO PIN of %v", token))
	return choice, choice.Adopt && token.HasUserPIN(), err
}

// secretFrom reads a secret from the file that a flag names, or asks for it.
func secretFrom(r *command.Run, flag, prompt string) (*secret.Bytes, error) {
	if path := r.String(flag); path != "" {
		return term.SecretFile(path)
	}
	return r.Console.Password(prompt, "--"+flag+" FILE")
}

// newUserPIN gets the user PIN to be set, or the one that the token keeps.
func newUserPIN(r *command.Run, label string, keeps bool) (*secret.Bytes, error) {
	switch path := r.String("pin-file"); {
	case path != "":
		return term.SecretFile(path)
	case keeps:
		return r.Console.Password(fmt.Sprintf("user PIN of token %q", label), "--pin-file FILE")
	}
	return r.Console.NewPassword(fmt.Sprintf("new user PIN for token %q", label), "--pin-file FILE")
}

func worldInfo(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	w, err := readWorld(r)
	if err != nil {
		return nil, err
	}
	return describeWorld(w)
}

// worldView is what is shown of a world.
type worldView struct {
	Label     string          `json:"label"`
	Rehearsal bool            `json:"rehearsal"`
	Modules   []world.Module  `json:"modules"` // the first, then those it was recovered to
	Suite     string          `json:"cipher_suite"`
	Quorum    string          `json:"quorum"`
	Holders   []string        `json:"holders"`
	CardSet   int             `json:"card_set"`
	HKNSO     fingerprint.Sum `json:"hknso"`
	Words     []string        `json:"hknso_words"`
	Created   string          `json:"created"`
}

func describeWorld(w *world.World) (command.Result, error) {
	modules, err := w.Modules()
	return worldView{
		Label: w.Label, Rehearsal: w.Rehearsal, Modules: modules, Suite: w.Suite, Quorum: w.CardSet().Quorum.String(), Holders: w.CardSet().Holders,
		CardSet: w.CardSet().Number, HKNSO: w.HKNSO, Words: w.HKNSO.Words(), Created: w.Created.Format("2006-01-02T15:04:05Z"),
	}, err
}

func (v worldView) Print(w io.Writer) error {
	rows := [][]string{{"security world", v.Label + standing(v.Rehearsal)}}
	for _, m := range v.Modules {
		rows = append(rows, []string{"module", m.Manufacturer + " " + m.Model + ", serial " + m.Serial}, []string{"library", m.Library})
	}
	rows = append(rows, []string{"cipher suite", v.Suite}, []string{"quorum", v.Quorum}, []string{"created", v.Created})
	for i, holder := range v.Holders {
		rows = append(rows, []string{fmt.Sprintf("card %d", i+1), holder})
	}
	rows = append(rows, []string{"hknso", v.HKNSO.Groups()})
	for _, row := range v.HKNSO.Rows() {
		rows = append(rows, []string{"", row})
	}
	return term.Table(w, rows)
}

func standing(rehearsal bool) string {
	if rehearsal {
		return " (REHEARSAL)"
	}
	return ""
}
