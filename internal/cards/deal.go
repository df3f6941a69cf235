package cards

import (
	"errors"
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// Dealer writes the cards of a new set to their media: card i, counted from 1,
// to the i-th medium.
type Dealer struct {
	World      string   // the world's label, for the header beside each card
	Media      []Medium // one a card
	UI         UI
	WorkFactor int // of scrypt; 0 is WorkFactor, or in a rehearsal RehearsalWorkFactor
}

// Check refuses what can be refused before any person is asked: another number
// of media than the quorum's N (Usage), and what [CheckPlaces] refuses, with
// the same own.
func (d *Dealer) Check(q quorum.Quorum, own []string, rehearsal bool) error {
	if len(d.Media) != q.N {
		return exitcode.Errorf(exitcode.Usage, "quorum %v needs %d card folders, %d were given", q, q.N, len(d.Media)).
			Hint("give one folder for each card, in the order of the holders")
	}
	return CheckPlaces(d.Media, own, rehearsal)
}

// Blank refuses media that cannot take a card, or hold one already.
func (d *Dealer) Blank() error {
	for i, m := range d.Media {
		if err := m.Blank(); err != nil {
			return fmt.Errorf("card %d: %w", i+1, err)
		}
	}
	return nil
}

// Deal has each holder's card sealed, written, read back and verified, one
// holder after the other, and returns whose cards they are. On an error, also
// that of a holder who gives up, the cards written so far are removed. The
// issue stays the caller's, to be wiped.
func (d *Dealer) Deal(issue *quorum.Issue) ([]Holding, error) {
	reader, err := quorum.NewReader(issue.Set)
	if err != nil {
		return nil, err
	}
	defer reader.Wipe()
	r := dealing{Dealer: d, reader: reader}
	for i, card := range issue.Cards {
		if err := r.deal(i, card); err != nil {
			return nil, r.takeBack(err)
		}
	}
	return r.dealt, nil
}

// dealing is one run of Deal.
type dealing struct {
	*Dealer
	reader  *quorum.Reader
	written []Medium
	dealt   []Holding
}

func (r *dealing) deal(i int, card quorum.Card) error {
	m := r.Media[i]
	ask := Ask{Medium: i, Prompt: fmt.Sprintf("new passphrase of %s in %s", card, m)}
	passphrase, chosen, err := ChoosePassphrase(r.UI, ask, card.String())
	if err != nil {
		return err
	}
	defer passphrase.Wipe()
	sealed, err := Seal(card, passphrase, workFactor(r.WorkFactor, card))
	if err != nil {
		return err
	}
	if err := m.Write(HeaderOf(r.World, card), sealed); err != nil {
		return err
	}
	r.written = append(r.written, m)
	if err := r.readBack(m, card, passphrase); err != nil {
		return err
	}
	r.dealt = append(r.dealt, Holding{Index: card.Index, Holder: card.Holder, Own: chosen.Own, Tries: chosen.Tries})
	r.UI.Say("%s written and read back, %d of %d", card, i+1, card.Quorum.N)
	return nil
}

// readBack takes nothing on trust: the card is read, opened and checked as it
// will be on the day it is needed.
func (r *dealing) readBack(m Medium, card quorum.Card, passphrase *secret.Bytes) error {
	h, sealed, err := m.Read()
	if err != nil {
		return err
	}
	if h != HeaderOf(r.World, card) {
		return exitcode.Errorf(exitcode.Refused, "%s: another header was read back than was written for %s", m, card).
			Hint("use another medium: this one does not keep what is written")
	}
	again, err := Open(m.String(), sealed, passphrase)
	if err != nil {
		return err
	}
	return r.reader.Add(m.String(), again)
}

// takeBack removes the cards of a set that never came into force.
func (r *dealing) takeBack(cause error) error {
	for _, m := range r.written {
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

// Reread takes up the cards of an interrupted run: it returns how many of the
// set are on the media and, if that is all of them, the world secret. The
// holders are asked for their passphrases only then. A medium with any other
// card has status Refused.
func (d *Dealer) Reread(set quorum.CardSet) (present int, s *quorum.Secret, err error) {
	loaded, err := d.left(set)
	if err != nil || len(loaded) < set.Quorum.N {
		return len(loaded), nil, err
	}
	reader, err := quorum.NewReader(set)
	if err != nil {
		return 0, nil, err
	}
	defer reader.Wipe()
	for i, l := range loaded {
		ask := Ask{Medium: i, Prompt: fmt.Sprintf("an interrupted run left %s in %s; its passphrase", l.header, l.medium)}
		card, _, err := l.open(d.UI, ask)
		if errors.Is(err, ErrPassphrase) {
			err = exitcode.Hint(err, "give the passphrase that the card was made with, or remove the cards of the interrupted run to begin again")
		}
		if err != nil {
			return len(loaded), nil, err
		}
		if err := reader.Add(l.medium.String(), card); err != nil {
			return len(loaded), nil, err
		}
	}
	s, err = reader.Secret()
	return len(loaded), s, err
}

// TakeBack removes the cards of an interrupted run that never came into force,
// without a passphrase: by their headers, whose hknso no other set has. If any
// medium holds another card, none is removed, and the status is Refused.
func (d *Dealer) TakeBack(set quorum.CardSet) error {
	loaded, err := d.left(set)
	if err != nil {
		return err
	}
	for _, l := range loaded {
		if err := l.medium.Remove(); err != nil {
			return err
		}
	}
	return nil
}

// left returns the cards that an interrupted run of this set left.
func (d *Dealer) left(set quorum.CardSet) (found []loaded, err error) {
	for _, m := range d.Media {
		l, err := load(m)
		if errors.Is(err, ErrBlank) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !l.header.of(set) {
			return nil, exitcode.Errorf(exitcode.Refused, "%s: this card is not of the interrupted run", m).
				Hint("give the media of the interrupted run, or blank ones")
		}
		found = append(found, l)
	}
	return found, nil
}
