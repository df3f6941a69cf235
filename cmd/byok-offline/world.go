package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/preflight"
	"byok/internal/recordcopy"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/view"
	"byok/internal/world"
	"byok/internal/worldcheck"
)

func worldCommands(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:  "world",
		Usage: "create, check and recover the security world",
		Subcommands: append([]*cli.Command{
			createWorldCommand(p),
			{
				Name:   "info",
				Usage:  "show the world: modules, quorum, card holders, hknso (nfkminfo)",
				Action: p.Action(worldInfo),
			},
			{
				Name:   "check",
				Usage:  "check token, kmdata and cards against what was recorded (nfkmcheck)",
				Action: p.Step(checkWorld),
				Flags:  slices.Concat([]cli.Flag{modulePathFlag(), pinFileFlag()}, dialogue.CardFlags("")),
			},
			{
				Name:   "recover",
				Usage:  "recover the security world onto an empty token, with a quorum of cards",
				Action: p.Step(recoverWorld),
				Flags: command.Require(slices.Concat(
					[]cli.Flag{libraryFlag(), pinFileFlag()},
					dialogue.SessionFlags(),
					dialogue.AcceptFlags(),
					dialogue.JoiningFlags(),
					[]cli.Flag{vendorQuorumFlag(), text("label", "`NAME` of the token (default: the world's)")},
				), "card"),
			},
			{
				Name:   "replace-cards",
				Usage:  "deal a new administrator card set; the old cards no longer unlock the token",
				Action: p.Step(onModule(replaceCards)),
				Flags: command.Require(slices.Concat(
					[]cli.Flag{modulePathFlag(), pinFileFlag()},
					dialogue.SessionFlags(),
					dialogue.NewCardFlags("new-"),
					dialogue.OfficerFlags(),
				), "card", "new-card", "acs-quorum"),
			},
			{
				Name:      "backup",
				Usage:     "copy kmdata to a new folder and prove the copy complete",
				ArgsUsage: "DIR",
				Action:    p.Step(backupWorld),
			},
		}, pinCommands(p)...),
	}
}

func createWorldCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:   "create",
		Usage:  "create a security world and its administrator cards (new-world)",
		Action: p.Step(createWorld),
		Flags: command.Require(slices.Concat(
			[]cli.Flag{libraryFlag(), pinFileFlag()},
			dialogue.NewCardFlags(""),
			dialogue.AcceptFlags(),
			dialogue.JoiningFlags(),
			[]cli.Flag{
				&cli.StringFlag{Name: "label", Usage: "`NAME` of the token, at most 32 bytes", Value: "byok"},
				&cli.StringFlag{
					Name:  "guard",
					Usage: "`GUARD` of the world: trust, trust-by-tool, login or login-shared (default: trust, and no weaker one)",
				},
				vendorQuorumFlag(),
				preflight.AirgapFlag(),
				&cli.StringFlag{
					Name:  "cipher-suite",
					Usage: "`SUITE` of the world's keys",
					Value: statement.SuiteDefault,
				},
				yes("rehearsal", "create a world for rehearsals; production refuses everything it makes"),
				yes("initialize", "destroy what is on the initialised token of that label; its serial must be typed"),
				yes(
					"adopt",
					"keep the initialised token of that label, which must be empty; its SO PIN becomes the cards'",
				),
				text("so-pin-file", "`FILE` with that token's present SO PIN (default: asked for)"),
			},
		), "card", "acs-quorum"),
	}
}

func vendorQuorumFlag() cli.Flag {
	return text("vendor-quorum", "`TEXT` for the record: the HSM's own quorum, and who says so; it is not proved")
}

func createWorld(r *command.Run) (command.Result, error) {
	f := preflight.Of(r)
	var err error
	if f.Creation, err = creation(r); err != nil {
		return nil, err
	}
	if err := f.Pass(); err != nil {
		return nil, err
	}
	c := f.Creation
	f.ReadyForAll(c.Quorum)
	if c.Holders, err = askHolders(r, ""); err != nil {
		return nil, err
	}
	chain, err := world.Create(c)
	if err != nil {
		return nil, err
	}
	r.Event.Rehearsal = chain.Rehearsal()
	r.Event.AddNote("hknso", chain.HKNSO().String())
	for i, holder := range chain.Set().Cards.Holders {
		r.Event.AddNote("card holder", statement.CardHolder{Index: i + 1, Holder: holder}.String())
	}
	compareOnPaper(f.UI, chain)
	r.Console.Say("copy kmdata now: byok-offline world backup DIR")
	return view.WorldOf(chain), nil
}

// compareOnPaper has hknso written down, and one word of it read back. The world
// is made whatever comes of it.
func compareOnPaper(u *dialogue.UI, chain *kmdata.Chain) {
	if u.Unattended() {
		return
	}
	err := u.Compare(dialogue.Comparison{
		What:  "hknso",
		Title: fmt.Sprintf("hknso of world %s: write the words on the paper record", chain.World().Label),
		Sum:   chain.HKNSO(),
		As:    "as it stands on the paper",
		By:    "the paper record",
	})
	if err != nil {
		u.Warn(fmt.Sprintf("hknso was not compared with the paper: %v", err))
	}
}

// creation reads the options; it asks for nothing that they give.
func creation(r *command.Run) (world.Creation, error) {
	c := world.Creation{
		Label:     r.String("label"),
		Suite:     r.String("cipher-suite"),
		Rehearsal: r.Bool("rehearsal"),
		Guard:     statement.Guard(r.String("guard")),

		VendorQuorum: r.String("vendor-quorum"),
	}
	if err := r.NoArgs(); err != nil {
		return c, err
	}
	if err := tokenOptions(r); err != nil {
		return c, err
	}
	dir, err := r.KMData()
	if err != nil {
		return c, err
	}
	u := dialogue.New(r, c.Rehearsal)
	if c.Access, err = dialogue.Access(r, dir, u); err != nil {
		return c, err
	}
	if c.Suite == statement.SuiteOld {
		u.Warn(fmt.Sprintf("cipher suite %s names a 1024-bit group, below any current minimum; "+
			"the world is the same as with %s", statement.SuiteOld, statement.SuiteDefault))
	}
	if c.Rehearsal {
		r.Console.Warning("REHEARSAL world: production refuses everything it makes")
	}
	c.Choice, c.TwoLogins = tokenChoice(r), u.TwoLogins()
	c.UserPIN = func(t hsm.Token, keeps bool) (*secret.Bytes, error) {
		preflight.WarnOfSoftware(u, t, c.Rehearsal)
		if keeps {
			return u.UserPIN(t)
		}
		return u.NewUserPIN("pin-file", t, c.Label)
	}
	c.CardOrder, err = cardOrder(r, u, "")
	return c, err
}

func worldInfo(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	chain, err := preflight.World(r)
	if err != nil {
		return nil, err
	}
	return view.WorldOf(chain), nil
}

// recoverWorld prepares an empty token from the cards.
func recoverWorld(r *command.Run) (command.Result, error) {
	f, err := preflight.Passed(r)
	if err != nil {
		return nil, err
	}
	f.ReadyToAccept()
	chain, u := f.Chain, f.UI
	a, err := dialogue.Access(r, chain.Dir(), u)
	if err != nil {
		return nil, err
	}
	label := r.String("label")
	if label == "" {
		label = chain.World().Label
	}
	chain, err = world.Recover(world.Recovery{
		Access: a, Media: f.Media, Label: label, VendorQuorum: r.String("vendor-quorum"),
		TwoLogins: u.TwoLogins(),
		UserPIN:   func(t hsm.Token) (*secret.Bytes, error) { return u.NewUserPIN("pin-file", t, label) },
	})
	if err != nil {
		return nil, err
	}
	r.Console.Say("restore the keys now: byok-offline key restore --all")
	return view.WorldOf(chain), nil
}

// replaceCards deals the next card set. When an interrupted run has brought it
// into force already, its cards open the session.
func replaceCards(f *preflight.Facts, station *session.Station) (command.Result, error) {
	r := f.Run
	u := f.UI
	order, err := cardOrder(r, u.ForNewCards(), "new-")
	if err != nil {
		return nil, err
	}
	replacement := world.Replacement{CardOrder: order, NewUI: u.ForNewCards(), Old: f.Media, OldUI: u}
	unfinished, err := replacement.Unfinished(station)
	if err != nil {
		return nil, err
	}
	f.Ready(station.Module)
	media, people := f.Media, u
	if unfinished {
		u.Say("card set %d is already in force: its cards finish the replacement on %v",
			station.Chain.Set().Cards.Number, station.Token)
		media, people = order.Media, u.ForNewCards()
	} else if err := mayReplace(f, order); err != nil {
		return nil, err
	}
	if replacement.Holders, err = askHolders(r, "new-"); err != nil {
		return nil, err
	}
	return inSession(f, station, people, media, func(s *session.Quorum) (command.Result, error) {
		if err := (world.Quorum{Quorum: s}).ReplaceCards(replacement); err != nil {
			return nil, err
		}
		compareOnPaper(people.ForNewCards(), s.Chain)
		u.Warn("copies of old backups still open to the old cards: destroy those cards")
		r.Console.Say("copy kmdata now: byok-offline world backup DIR")
		return view.WorldOf(s.Chain), nil
	})
}

// mayReplace refuses cards that do not open the session, and media for the new
// ones.
func mayReplace(f *preflight.Facts, order world.CardOrder) error {
	if err := session.MayRead(f.Chain, f.Media); err != nil {
		return err
	}
	if err := order.Check(f.Chain.Rehearsal(), f.Chain.Dir()); err != nil {
		return err
	}
	f.ReadyForAll(order.Quorum)
	return nil
}

func backupWorld(r *command.Run) (command.Result, error) {
	dir, err := r.Arg("DIR")
	if err != nil {
		return nil, err
	}
	chain, err := preflight.World(r)
	if err != nil {
		return nil, err
	}
	files, err := recordcopy.Make(chain, dir)
	if err != nil {
		return nil, err
	}
	last := chain.Last()
	return view.Backup{Dir: dir, Files: files, Last: last.Number(), Words: last.Sum.FirstWords(8)}, nil
}

// checkWorld looks at everything and goes on after what is bad.
func checkWorld(r *command.Run) (command.Result, error) {
	f, err := preflight.Passed(r)
	if err != nil {
		return nil, err
	}
	return withOperator(f, func(o *session.Operator) (command.Result, error) {
		rows, err := worldcheck.Token(o, func(n int) worldcheck.Progress {
			return r.Console.Count("checking keys", int64(n))
		})
		if len(f.Media) > 0 {
			rows = append(rows, worldcheck.Cards(o.Chain, f.Media, f.UI)...)
		}
		if err == nil {
			err = worldcheck.Summary(rows)
		}
		return view.Checks{Checks: rows}, err
	})
}
