package main

import (
	"github.com/urfave/cli/v2"

	"byok/internal/cards"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/preflight"
	"byok/internal/unconfined"
	"byok/internal/view"
)

func cardCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "card", Usage: "manage an administrator card", Subcommands: []*cli.Command{{
		Name: "passphrase", Usage: "change the passphrase of a card", Action: p.Step(changePassphrase),
		Flags: append(unconfined.Flags(),
			required(text("card", "`DIR` of the card")),
			text("card-pin-file", "`FILE` with the present passphrase (default: asked for)"),
			text("new-card-pin-file", "`FILE` with the new passphrase (default: seven words are drawn)"),
			yes("own-passphrase", "the holder chooses the passphrase; the record says so"),
		),
	}}}
}

func changePassphrase(r *command.Run) (command.Result, error) {
	if _, err := preflight.Passed(r); err != nil {
		return nil, err
	}
	dir := r.String("card")
	u := dialogue.ForCard(r, r.String("new-card-pin-file"))
	old, err := r.Secret("card-pin-file", "present passphrase of the card in "+dir)
	if err != nil {
		return nil, err
	}
	defer old.Wipe()
	ask := cards.Ask{Prompt: "new passphrase of the card in " + dir}
	next, choice, err := cards.ChoosePassphrase(u, ask, "the card in "+dir)
	if err != nil {
		return nil, err
	}
	defer next.Wipe()
	holding, err := cards.ChangePassphrase(cards.Folder(dir), old, next)
	if err != nil {
		return nil, err
	}
	if choice.Own {
		r.Event.AddNote("own passphrase", holding.String())
	}
	return view.Passphrase{Card: holding.String()}, nil
}
