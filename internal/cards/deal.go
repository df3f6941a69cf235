package cards

import (
	"errors"
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// CheckBlank refuses media that cannot take a card, or hold one already.
func CheckBlank(media []Medium) error {
	for i, m := range media {
		if err := m.Blank(); err != nil {
			return fmt.Errorf("card %d: %w", i+1, err)
		}
	}
	return nil
}

// Deal writes the cards of a new set: card i, counted from 1, to the i-th
// medium. All media must be blank, which is checked before the first holder is
// asked. Then each holder's card is sealed, written, read back and verified,
// one holder after the other. On an error, also that of a holder who gives up,
// the cards written so far are removed.
//
// world is the world's label, for the headers. work is the work factor of
// scrypt; 0 stands for [WorkFactor], and in a rehearsal for
// [RehearsalWorkFactor]. The issue stays the caller's, to be wiped. The result
// says for the record whose cards they are, and which holders chose a
// passphrase of their own.
func Deal(issue *quorum.Issue, world string, media []Medium, work int, ui UI) ([]Holding, error) {
	if n := len(issue.Cards); len(media) != n {
		return nil, exitcode.Errorf(exitcode.Usage, "quorum %v needs %d card folders, %d were given",
			issue.Set.Quorum, n, len(media)).Hint("give one folder for each card, in the order of the holders")
	}
	if err := CheckBlank(media); err != nil {
		return nil, err
	}
	reader, err := quorum.NewReader(issue.Set)
	if err != nil {
		return nil, err
	}
	defer reader.Wipe()
	d := dealing{world: world, media: media, work: work, ui: ui, reader: reader, own: map[int]*secret.Bytes{}}
	defer d.wipe()
	for i, card := range issue.Cards {
		if err := d.deal(i, card); err != nil {
			return nil, d.takeBack(err)
		}
	}
	return d.dealt, nil
}

// dealing is one run of Deal.
type dealing struct {
	world   string
	media   []Medium
	work    int
	ui      UI
	reader  *quorum.Reader
	written []Medium
	dealt   []Holding
	own     map[int]*secret.Bytes // passphrases of holders' own, by the card's place
}

func (d *dealing) deal(i int, card quorum.Card) error {
	m := d.media[i]
	if err := arriveBlank(m, d.ui, card.String()); err != nil {
		return err
	}
	ask := Ask{Medium: i, Prompt: fmt.Sprintf("new passphrase of %s in %s", card, m)}
	passphrase, chosen, err := ChoosePassphrase(d.ui, ask, card.String())
	if err != nil {
		return err
	}
	if chosen.Own {
		d.sayRepeated(i, card, passphrase)
	}
	defer func() {
		if !chosen.Own {
			passphrase.Wipe()
		}
	}()
	d.ui.Say("writing %s to %s and reading it back …", card, m)
	sealed, err := Seal(card, passphrase, workFactor(d.work, card))
	if err != nil {
		return err
	}
	if err := m.Write(HeaderOf(d.world, card), sealed); err != nil {
		return err
	}
	d.written = append(d.written, m)
	if err := d.readBack(m, card, passphrase); err != nil {
		return err
	}
	d.dealt = append(d.dealt, Holding{Index: card.Index, Holder: card.Holder, Own: chosen.Own, Tries: chosen.Tries})
	d.ui.Say("%s written and read back, %d of %d", card, i+1, card.Quorum.N)
	return nil
}

// sayRepeated says that a holder has chosen the passphrase of another one, and
// keeps it to compare the next one with. It is not recorded, as in isWeak's case.
func (d *dealing) sayRepeated(i int, card quorum.Card, passphrase *secret.Bytes) {
	for before := range i {
		if other := d.own[before]; other != nil && other.Equal(passphrase) {
			d.ui.Say("%s: this is the passphrase of card %d as well: who learns one opens both cards", card, before+1)
		}
	}
	d.own[i] = passphrase
}

// wipe wipes the passphrases that were kept.
func (d *dealing) wipe() {
	for _, passphrase := range d.own {
		passphrase.Wipe()
	}
}

// readBack takes nothing on trust: the card is read, opened and checked as it
// will be on the day it is needed.
func (d *dealing) readBack(m Medium, card quorum.Card, passphrase *secret.Bytes) error {
	h, sealed, err := m.Read()
	if err != nil {
		return err
	}
	if h != HeaderOf(d.world, card) {
		return exitcode.Errorf(exitcode.Refused, "%s: the header read back is not the one written for %s", m, card).
			Hint("use another medium: this one does not keep what is written")
	}
	again, err := Open(m.String(), sealed, passphrase)
	if err != nil {
		return err
	}
	return d.reader.Add(m.String(), again)
}

// takeBack removes the cards of a set that never came into force.
func (d *dealing) takeBack(cause error) error {
	for _, m := range d.written {
		if err := m.Remove(); err != nil {
			cause = fmt.Errorf("%w; the card in %s could not be removed: %w", cause, m, err)
		}
	}
	return cause
}

// workFactor returns the work factor to seal the card with.
func workFactor(asked int, card quorum.Card) int {
	switch {
	case asked != 0:
		return asked
	case card.Rehearsal:
		return RehearsalWorkFactor
	}
	return WorkFactor
}

// Reread takes up the set of an interrupted run that had dealt every card: it
// has each opened by its holder again, and rebuilds the world secret. Where a
// medium is blank or holds another card, no holder is asked, and the status is
// Refused.
func Reread(set quorum.CardSet, media []Medium, ui UI) (*quorum.Secret, error) {
	for _, m := range media {
		if Awaited(m) {
			return rereadInTurn(set, media, ui)
		}
	}
	found, err := left(set, media)
	if err != nil {
		return nil, err
	}
	if n := set.Quorum.N; len(found) != n {
		return nil, exitcode.Errorf(exitcode.Refused,
			"%d of the %d cards of the interrupted run are in the folders given, and the token may depend on all of them",
			len(found), n).Hint("give the folders of all %d cards", n)
	}
	reader, err := quorum.NewReader(set)
	if err != nil {
		return nil, err
	}
	defer reader.Wipe()
	for i, l := range found {
		if err := l.reread(i, reader, ui); err != nil {
			return nil, err
		}
	}
	return reader.Secret()
}

// rereadInTurn is Reread where media come one after the other.
func rereadInTurn(set quorum.CardSet, media []Medium, ui UI) (*quorum.Secret, error) {
	reader, err := quorum.NewReader(set)
	if err != nil {
		return nil, err
	}
	defer reader.Wipe()
	for i, m := range media {
		if err := arrive(m, ui, "the next card of the interrupted run"); err != nil {
			return nil, err
		}
		found, err := left(set, media[i:i+1])
		if err == nil && len(found) == 0 {
			_, err = load(m) // says that it is blank
		}
		if err != nil {
			return nil, err
		}
		if err := found[0].reread(i, reader, ui); err != nil {
			return nil, err
		}
	}
	return reader.Secret()
}

// reread opens one card that an interrupted run left.
func (l loaded) reread(i int, reader *quorum.Reader, ui UI) error {
	ask := Ask{Medium: i, Prompt: fmt.Sprintf("an interrupted run left %s; its passphrase", l)}
	card, _, err := l.open(ui, ask)
	if errors.Is(err, ErrPassphrase) {
		return exitcode.Hint(err, "give the passphrase that was chosen for this card in the interrupted run")
	}
	if err != nil {
		return err
	}
	return reader.Add(l.medium.String(), card)
}

// RemoveAll removes the cards that an interrupted run left of a set that never
// came into force. It needs no passphrase: it goes by the headers, whose hknso
// is that of no other set. If any medium holds another card, none is removed,
// and the status is Refused.
func RemoveAll(set quorum.CardSet, media []Medium) error {
	if len(set.Holders) == 0 {
		return nil // the run ended before it made a set
	}
	found, err := left(set, media)
	if err != nil {
		return err
	}
	for _, l := range found {
		if err := l.medium.Remove(); err != nil {
			return err
		}
	}
	return nil
}

// left returns the cards on the media that an interrupted run left.
func left(set quorum.CardSet, media []Medium) (found []loaded, err error) {
	for _, m := range media {
		if Awaited(m) {
			continue
		}
		l, err := load(m)
		if errors.Is(err, ErrBlank) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !l.header.of(set) {
			return nil, exitcode.Errorf(exitcode.Refused, "%s: this card does not belong to the interrupted run", m).
				Hint("give the media of the interrupted run, or blank ones")
		}
		found = append(found, l)
	}
	return found, nil
}
