package dialogue

import (
	"slices"

	"github.com/urfave/cli/v2"

	"byok/internal/cards"
	"byok/internal/command"
	"byok/internal/exitcode"
)

// The options that answer the questions of this package.

func text(name, usage string) *cli.StringFlag { return &cli.StringFlag{Name: name, Usage: usage} }

func list(name, usage string) *cli.StringSliceFlag {
	return &cli.StringSliceFlag{Name: name, Usage: usage}
}

func yes(name, usage string) *cli.BoolFlag { return &cli.BoolFlag{Name: name, Usage: usage} }

// AcceptFlags answer what is asked before a new library is loaded.
func AcceptFlags() []cli.Flag {
	return []cli.Flag{
		text("library-sha256",
			"`WORDS` of the library's hash, the first 8 or more, or hex, from the vendor's release (default: asked for)"),
		text("serial", "`NUMBER` on the device itself, its serial (default: asked for)"),
	}
}

// SessionFlags are those of every quorum session with cards that exist.
func SessionFlags() []cli.Flag {
	return append(
		CardFlags(""),
		text("last-statement",
			"`'NUMBER WORD'` of the last statement on paper, where the token carries no anchor (default: asked for)"),
		text("break-reason", "`TEXT` for the record, where part of it is missing (default: asked for)"),
	)
}

// CardFlags are --card and --card-pin-file, or with a prefix such as "new-"
// --new-card and --new-card-pin-file.
func CardFlags(prefix string) []cli.Flag {
	return []cli.Flag{
		list(prefix+"card", "`DIR` of an administrator card; once per card"),
		list(prefix+"card-pin-file",
			"`FILE` with a card's passphrase; once per card, in the same order (default: asked for)"),
	}
}

// NewCardFlags are for cards to be dealt.
func NewCardFlags(prefix string) []cli.Flag {
	return append(
		CardFlags(prefix),
		text("acs-quorum", "`K/N` of the set: any K of its N cards are the quorum"),
		list(prefix+"holder", "`NAME` of a card's holder; once per card, in the same order (default: asked for)"),
		yes("own-passphrase", "holders choose their passphrases; the record says so (default: seven words are drawn)"),
	)
}

// CheckCards requires cards, and one passphrase file for each, or none.
func CheckCards(r *command.Run, prefix string) error {
	folders := r.StringSlice(prefix + "card")
	dirs, files := len(folders), len(r.StringSlice(prefix+"card-pin-file"))
	if dirs == 0 {
		return exitcode.Errorf(exitcode.Usage, "%s needs the administrator cards", r.Event.Command).
			Hint("give --%scard DIR once per card", prefix)
	}
	if files != 0 && files != dirs {
		return exitcode.Errorf(
			exitcode.Usage,
			"%d --%scard and %d --%scard-pin-file: expected one file per card, in the same order",
			dirs,
			prefix,
			files,
			prefix,
		)
	}
	before := earlier(r, prefix)
	for i, dir := range folders {
		if files != 0 && slices.Contains(slices.Concat(before, folders[:i]), dir) { // no one is there to change the media
			return exitcode.Errorf(exitcode.Refused, "%s and %s are one folder: each card needs its own", dir, dir).
				Hint("give each card a folder of its own")
		}
	}
	return nil
}

// CardMedia are the cards of --card, or with a prefix of another option, whose
// cards come behind those of --card: one socket serves both.
func CardMedia(r *command.Run, prefix string) []cards.Medium {
	before := earlier(r, prefix)
	return cards.Folders(slices.Concat(before, r.StringSlice(prefix+"card")))[len(before):]
}

// earlier are the folders whose cards come before those of an option with a prefix.
func earlier(r *command.Run, prefix string) []string {
	if prefix == "" {
		return nil
	}
	return r.StringSlice("card")
}
