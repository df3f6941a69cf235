package dialogue

import (
	"byok/internal/compare"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// Comparison is a fingerprint that people compare on a screen of its own.
type Comparison struct {
	What  string // what it is the fingerprint of: "KEK", "hknso of the world"
	Title string // what stands above it
	Sum   fingerprint.Sum
	As    string // "as the vault's owner reads it"
	By    string // who has it, for the record
	Typed int    // how many of its words were typed before
}

// tries is how often a word may be typed: a word is easily misheard.
const tries = 3

// Compare shows a fingerprint alone on a cleared screen, and has one word of it
// typed as it is read aloud, or stands on paper. What was compared, and with
// whom, goes into the record.
func (u *UI) Compare(c Comparison) error {
	cell, ok := compare.Pick(c.Typed)
	if !ok { // all of it was typed
		u.noteCompared(c, "all of it typed")
		return nil
	}
	title := c.Title
	page := func(width int) []string { return compare.Page(title, c.Sum, width) }
	for range tries {
		typed, err := u.r.Console.AskAlone(page, cell.Question(c.As), "")
		if err != nil {
			return err
		}
		if cell.Is(c.Sum, typed) {
			u.noteCompared(c, cell.Question("typed"))
			return nil
		}
		title = "That is not the word on this screen: compare again, from the first row. " + c.What
		u.Warn("what was typed is not the word on the screen, " + cell.Question(c.As))
	}
	return exitcode.Errorf(exitcode.Check,
		"%s: what was typed is not on this screen: the two fingerprints differ", c.What).
		Hint("stop here, and find out whose fingerprint is wrong")
}

func (u *UI) noteCompared(c Comparison, how string) {
	u.Say("%s compared with %s", c.What, c.By)
	u.r.Event.AddNote("compared", c.What+" "+c.Sum.FirstWords(libraryWords)+", with "+c.By+"; "+how)
}

// Unattended reports whether options answer for the people around the cards.
func (u *UI) Unattended() bool { return len(u.files) > 0 }
