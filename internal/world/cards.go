package world

import (
	"errors"

	"byok/internal/exitcode"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// CardReader is one administrator card to be read.
type CardReader struct {
	Dir        string
	Passphrase func(card string) (*secret.Bytes, error)
	Tries      int // how often a wrong passphrase is asked for again; 0 is once
	Wrong      func(err error)
}

// ReadCards reads K cards of the set in force, or of the set that an
// interrupted replacement was bringing into force: the token takes only one of
// them. Each card is checked on its own; accepted tells of each.
func (w *World) ReadCards(cards []CardReader, accepted func(quorum.Card)) (*Quorate, error) {
	var reader *quorum.Reader
	defer func() {
		if reader != nil {
			reader.Wipe()
		}
	}()
	var set quorum.CardSet
	for _, c := range cards {
		card, err := c.read()
		if err != nil {
			return nil, err
		}
		if reader == nil {
			if set, err = w.setOf(card); err != nil {
				return nil, err
			}
			if reader, err = quorum.NewReader(set); err != nil {
				return nil, err
			}
		}
		if err := reader.Add(c.Dir, card); err != nil {
			return nil, err
		}
		accepted(card)
	}
	if reader == nil {
		return nil, exitcode.Errorf(exitcode.Refused, "no card was given; this world needs %d", w.state.Cards.Quorum.K)
	}
	secret, err := reader.Secret()
	if err != nil {
		return nil, err
	}
	return &Quorate{Set: set, secret: secret, sealed: w.state.SOPIN}, nil
}

func (c CardReader) read() (quorum.Card, error) {
	for try := 1; ; try++ {
		card, err := c.readOnce()
		if try >= c.Tries || !errors.Is(err, quorum.ErrPassphrase) {
			return card, err
		}
		c.Wrong(err)
	}
}

func (c CardReader) readOnce() (quorum.Card, error) {
	passphrase, err := c.Passphrase(c.Dir)
	if err != nil {
		return quorum.Card{}, err
	}
	defer passphrase.Wipe()
	return quorum.ReadCard(c.Dir, passphrase)
}

// setOf picks the card set that a card is to be checked against: the one in
// force, unless the card is of one that is being brought into force.
func (w *World) setOf(card quorum.Card) (quorum.CardSet, error) {
	var next pendingCards
	interrupted, err := pending(cardsPath(w.dir, w.state.Cards.Number+1), &next)
	if err == nil && interrupted && card.Set == next.Cards.Number {
		return next.Cards, nil
	}
	return w.state.Cards, err
}
