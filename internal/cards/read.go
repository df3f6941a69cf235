package cards

import (
	"errors"
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/quorum"
)

// Read reads K cards of one set: the media are looked at first, all of them,
// then their holders are asked, one after the other, and each card is checked
// on its own; media beyond the K-th card are not asked for. k is the quorum
// as kmdata has it: with fewer media nothing is read, status Refused.
//
// set finds the card set for the first card, which fixes hknso and set for the
// others; it is given the card without its share, and may refuse it. It has to
// find the set in statements verified under the card's hknso, or the caller
// does that afterwards under the hknso of the result: a set from kmdata alone
// is the operator's word.
func Read(media []Medium, set func(quorum.Card) (quorum.CardSet, error), ui UI, k int) (*Quorum, error) {
	if n := max(k, 1); len(media) < n {
		return nil, exitcode.Errorf(exitcode.Refused, "administrator cards needed: %d; given: %d", n, len(media)).
			Hint("add --card and the folder of each further card; still needed: %d", n-len(media))
	}
	slots := make([]loaded, len(media))
	for i, m := range media {
		if Awaited(m) {
			continue
		}
		var err error
		if slots[i], err = load(m); err != nil {
			return nil, err
		}
	}
	if err := distinct(slots); err != nil {
		return nil, err
	}
	r := reading{find: set, ui: ui, k: max(k, 1)}
	defer r.wipe()
	for i := 0; i < len(slots) && !r.complete(); i++ {
		if Awaited(media[i]) {
			var err error
			if slots[i], err = r.next(media[i]); err != nil {
				return nil, err
			}
		}
		if err := r.read(i, slots[i]); err != nil {
			return nil, err
		}
	}
	secret, err := r.reader.Secret()
	if err != nil {
		return nil, err
	}
	return &Quorum{Set: r.set, Secret: secret, Cards: r.cards}, nil
}

// reading is one run of Read.
type reading struct {
	find   func(quorum.Card) (quorum.CardSet, error)
	ui     UI
	k      int
	set    quorum.CardSet
	reader *quorum.Reader // nil until the first card has been opened
	cards  []Holding
	// headers are those of the cards.
	headers []Header
	// rehearsal is what the first card says.
	rehearsal bool
}

func (r *reading) complete() bool { return r.reader != nil && r.reader.Missing() == 0 }

func (r *reading) wipe() {
	if r.reader != nil {
		r.reader.Wipe()
	}
}

// Look refuses media on which there is no card that can be opened, and two with
// one card, before any holder is asked.
func Look(media []Medium) error {
	var slots []loaded
	for _, m := range media {
		if Awaited(m) {
			continue
		}
		l, err := load(m)
		if err != nil {
			return err
		}
		slots = append(slots, l)
	}
	return distinct(slots)
}

// distinct refuses two media with one card, as far as headers say, before any
// holder is asked.
func distinct(slots []loaded) error {
	seen := map[Header]Medium{}
	for _, l := range slots {
		if l.header == (Header{}) {
			continue
		}
		if other := seen[l.header]; other != nil {
			return exitcode.Errorf(exitcode.Refused, "%s and %s hold the same card: %s", other, l.medium, l.header).
				Hint("give the folder of another card of the set")
		}
		seen[l.header] = l.medium
	}
	return nil
}

// next has the next card come into its socket. It must be of the first card's
// set, as far as its header says, before its holder is asked: passphrases are not
// typed for another world.
func (r *reading) next(m Medium) (loaded, error) {
	who := fmt.Sprintf("the next card, %d of %d,", len(r.cards)+1, r.k)
	if err := arrive(m, r.ui, who, r.headers...); err != nil {
		return loaded{}, err
	}
	l, err := load(m)
	if err != nil {
		return l, err
	}
	fits := l.header.of(r.set) && l.header.Rehearsal == r.rehearsal || l.header == (Header{}) && !r.rehearsal
	if !fits {
		return l, exitcode.Errorf(exitcode.Refused, "%s: %s is not of the set of the first card", m, l.whose()).
			Hint("use another card of the set")
	}
	return l, nil
}

// read opens one card and adds it.
func (r *reading) read(i int, l loaded) error {
	ask := Ask{Medium: i, Prompt: fmt.Sprintf("passphrase of %s (%d of %d)", l.whose(), len(r.cards)+1, r.k)}
	card, tries, err := l.open(r.ui, ask)
	if err != nil {
		return err
	}
	if r.reader == nil {
		if err := r.begin(card); err != nil {
			card.Wipe()
			return err
		}
	}
	if err := r.reader.Add(l.medium.String(), card); err != nil {
		return err
	}
	r.headers = append(r.headers, l.header)
	r.cards = append(r.cards, Holding{Index: card.Index, Holder: card.Holder, Tries: tries})
	r.ui.Say("%s read, %d of %d", card, len(r.cards), r.k)
	return nil
}

// begin fixes the card set by the first card.
func (r *reading) begin(card quorum.Card) error {
	card.Share = nil
	set, err := r.find(card)
	if err != nil {
		return err
	}
	reader, err := quorum.NewReader(set)
	if err != nil {
		return err
	}
	r.set, r.reader, r.k, r.rehearsal = set, reader, set.Quorum.K, card.Rehearsal
	return nil
}

// loaded is a card that has been read and not yet been opened.
type loaded struct {
	medium Medium
	header Header
	sealed []byte
}

func load(m Medium) (loaded, error) {
	h, sealed, err := m.Read()
	if err == nil {
		err = checkWork(m.String(), sealed) // before anybody is asked
	}
	if err != nil {
		return loaded{}, err
	}
	return loaded{medium: m, header: h, sealed: sealed}, nil
}

// String names the card for the prompt, such as "card 2 (Alice) in /media/b".
func (l loaded) String() string {
	if l.header == (Header{}) {
		return fmt.Sprintf("the card in %s", l.medium)
	}
	return fmt.Sprintf("%s in %s", l.header, l.medium)
}

// whose names the card by its holder, such as "Alice's card in /media/a".
func (l loaded) whose() string {
	if l.header == (Header{}) {
		return l.String()
	}
	return fmt.Sprintf("%s's card in %s", l.header.Holder, l.medium)
}

// open asks for the passphrase until it is right, as often as the UI allows,
// and returns how often that was.
func (l loaded) open(ui UI, a Ask) (card quorum.Card, tries int, err error) {
	for a.Try = 1; ; a.Try++ {
		card, err := l.openOnce(ui, a)
		if !errors.Is(err, ErrPassphrase) || a.Try >= ui.Tries() {
			return card, a.Try, err
		}
		ui.Warn(fmt.Sprintf("%v; try again", err))
	}
}

func (l loaded) openOnce(ui UI, a Ask) (quorum.Card, error) {
	passphrase, err := ui.Passphrase(a)
	if err != nil {
		return quorum.Card{}, err
	}
	defer passphrase.Wipe()
	ui.Say("reading the card in %s …", l.medium)
	return Open(l.medium.String(), l.sealed, passphrase)
}
