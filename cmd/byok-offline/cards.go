package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/term"
	"byok/internal/world"
)

// passphraseTries is how often a holder may type the passphrase of a card.
const passphraseTries = 3

// rehearsalWork is a scrypt work factor for cards that protect nothing.
const rehearsalWork = 12

// cardFlags are for cards that exist.
func cardFlags() []cli.Flag { return cardFlagsNamed("") }

// cardFlagsNamed are --card and --card-pin-file, or, with a prefix such as
// "new-", --new-card and --new-card-pin-file.
func cardFlagsNamed(prefix string) []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: prefix + "card", Usage: "`DIR` of an administrator card; once per card"},
		&cli.StringSliceFlag{Name: prefix + "card-pin-file", Usage: "`FILE` with a card's passphrase; once per card, in the same order (default: asked for)"},
	}
}

// newCardFlags are for cards to be made.
func newCardFlags(prefix string) []cli.Flag {
	return append(cardFlagsNamed(prefix),
		&cli.StringFlag{Name: "acs-quorum", Usage: "`K/N`: any K of the N cards open the world"},
		&cli.StringSliceFlag{Name: prefix + "holder", Usage: "`NAME` of a card's holder; once per card, in the same order (default: asked for)"})
}

// checkCardFlags wants at least one card and as many passphrase files as cards, or none.
func checkCardFlags(r *command.Run, prefix string) error {
	cards, files := len(r.StringSlice(prefix+"card")), len(r.StringSlice(prefix+"card-pin-file"))
	if cards == 0 {
		return exitcode.Hint(exitcode.Errorf(exitcode.Usage, "%s needs the administrator cards", r.Event.Command), "give --%scard DIR once per card", prefix)
	}
	if files != 0 && files != cards {
		return exitcode.Errorf(exitcode.Usage, "%d --%scard and %d --%scard-pin-file: one file per card is expected, in the same order", cards, prefix, files, prefix)
	}
	return nil
}

// cardPassphrase gets the passphrase of the i-th card.
func cardPassphrase(r *command.Run, prefix string, i int, ask func(prompt, flag string) (*secret.Bytes, error), prompt string) (*secret.Bytes, error) {
	if files := r.StringSlice(prefix + "card-pin-file"); len(files) > 0 {
		return term.SecretFile(files[i])
	}
	return ask(prompt, "--"+prefix+"card-pin-file FILE")
}

// cardReaders are the cards of --card, each with the way to its passphrase.
func cardReaders(r *command.Run) (readers []world.CardReader) {
	tries := passphraseTries
	if r.IsSet("card-pin-file") {
		tries = 1 // a file answers the same again
	}
	for i, dir := range r.StringSlice("card") {
		readers = append(readers, world.CardReader{Dir: dir, Tries: tries,
			Wrong: func(err error) { r.Console.Warning("%v; try again", err) },
			Passphrase: func(string) (*secret.Bytes, error) {
				return cardPassphrase(r, "", i, r.Console.Password, "passphrase of the card in "+dir)
			}})
	}
	return readers
}

// readCards reads the quorum.
func readCards(r *command.Run, w *world.World) (*world.Quorate, error) {
	read := 0
	return w.ReadCards(cardReaders(r), func(c quorum.Card) {
		read++
		r.Console.Say("card read: %v, %d of %d", c, read, c.Quorum.K)
		r.Event.AddNote("card", c.String())
	})
}

// cardOrder reads the flags of a card set to be made; it asks for nothing that
// they give, and for no passphrase yet.
func cardOrder(r *command.Run, prefix string, rehearsal bool) (world.CardOrder, error) {
	o := world.CardOrder{WorkFactor: quorum.WorkFactor, Say: r.Console.Say}
	if rehearsal {
		o.WorkFactor = rehearsalWork
	}
	text, err := r.Required("acs-quorum")
	if err != nil {
		return o, err
	}
	if o.Quorum, err = quorum.ParseQuorum(text); err != nil {
		return o, err
	}
	if warning := o.Quorum.Warning(); warning != "" {
		r.Console.Warning("%s", warning)
		r.Event.AddNote("warning", warning)
	}
	if err := checkCardFlags(r, prefix); err != nil {
		return o, err
	}
	o.Holders, err = holders(r, prefix)
	return o, err
}

func holders(r *command.Run, prefix string) ([]world.CardHolder, error) {
	dirs, names := r.StringSlice(prefix+"card"), r.StringSlice(prefix+"holder")
	if len(names) != 0 && len(names) != len(dirs) {
		return nil, exitcode.Errorf(exitcode.Usage, "%d --%scard and %d --%sholder: one name per card is expected, in the same order", len(dirs), prefix, len(names), prefix)
	}
	list := make([]world.CardHolder, 0, len(dirs))
	for i, dir := range dirs {
		h := world.CardHolder{Dir: dir}
		if len(names) > 0 {
			h.Name = names[i]
		} else {
			var err error
			if h.Name, err = r.Console.Ask(fmt.Sprintf("holder of card %d, in %s", i+1, dir), "--"+prefix+"holder NAME"); err != nil {
				return nil, err
			}
		}
		list = append(list, h)
	}
	return list, nil
}

// askPassphrases gets every new card's passphrase, one holder at a time.
func askPassphrases(r *command.Run, prefix string, o *world.CardOrder) (err error) {
	for i := range o.Holders {
		prompt := fmt.Sprintf("new passphrase of card %d (%s)", i+1, o.Holders[i].Name)
		if o.Holders[i].Passphrase, err = cardPassphrase(r, prefix, i, r.Console.NewPassword, prompt); err != nil {
			return err
		}
	}
	return nil
}

func wipePassphrases(o world.CardOrder) {
	for _, h := range o.Holders {
		h.Passphrase.Wipe()
	}
}
