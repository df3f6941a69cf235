package session

import (
	"cmp"
	"slices"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/ordered"
	"byok/internal/quorum"
	"byok/internal/statement"
)

// Whose cards a session has read, and what they open.

// MayRead refuses, before anybody is called, cards that are fewer than the
// quorum, and media that are not in their holders' hands alone: see
// [cards.CheckPlaces].
func MayRead(chain *kmdata.Chain, media []cards.Medium) error {
	return mayRead(chain, chain.Set(), media)
}

func mayRead(chain *kmdata.Chain, set kmdata.Set, media []cards.Medium) error {
	if n, k := len(media), set.Cards.Quorum.K; n < k {
		return exitcode.Errorf(exitcode.Refused, "cards of set %d: %d given, %d needed", set.Cards.Number, n, k).
			Hint("give --card once for each of %d cards", k)
	}
	return cards.CheckPlaces(media, chain.Dir(), chain.Rehearsal())
}

// CheckHeaders refuses cards that belong to another world than kmdata. Call it
// before a library is loaded: kmdata names the library, and which library may
// run while passphrases are typed is for the cards' own world to say. A header
// proves nothing, and what it says is checked again on the opened card; a
// rehearsal, which takes an operator's own library, insists on one.
func CheckHeaders(chain *kmdata.Chain, media []cards.Medium) error {
	for _, m := range media {
		if cards.Awaited(m) { // its header is held to the first card's when it comes
			continue
		}
		h, _, err := m.Read()
		if err != nil {
			return err
		}
		if err := fitsWorld(chain, m, h); err != nil {
			return err
		}
	}
	return nil
}

func fitsWorld(chain *kmdata.Chain, m cards.Medium, h cards.Header) error {
	if h == (cards.Header{}) {
		if !chain.Rehearsal() {
			return nil
		}
		return exitcode.Errorf(exitcode.Refused,
			"%s: the card's header is missing, so nothing says that it is of a rehearsal", m).
			Hint("copy the header back beside the card, or use another card of the set")
	}
	known := slices.ContainsFunc(chain.Sets(), func(s kmdata.Set) bool { return s.Cards.HKNSO == h.HKNSO })
	if known && h.Rehearsal == chain.Rehearsal() {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "%s: %v belongs to a different security world than %s (hknso %.8s, not %.8s)",
		m, h, chain.Dir(), h.HKNSO, chain.HKNSO()).
		Hint("name that world's folder with --kmdata, or use a card of this world")
}

// readCards reads K cards, and proves that KNSO opens with them.
func (s *Quorum) readCards(media []cards.Medium) (err error) {
	set := s.Chain.Set()
	if s.cards, err = cards.Read(media, s.setOf, s.access.UI, set.Cards.Quorum.K); err != nil {
		return err
	}
	s.knso = KNSO{s.cards.Secret, set}
	return s.knso.checkSigner()
}

// setOf gives the card set that the first card is held to. Whoever reads cards
// verifies kmdata under the cards' hknso.
func (s *Quorum) setOf(card quorum.Card) (quorum.CardSet, error) {
	set := s.Chain.Set().Cards
	if card.HKNSO == set.HKNSO {
		return set, nil
	}
	for _, old := range s.Chain.Sets() {
		if old.Cards.HKNSO == card.HKNSO {
			return set, exitcode.Errorf(exitcode.Refused, "%v is of card set %d, which set %d has replaced",
				card, old.Cards.Number, set.Number).
				Hint("destroy the old card and use the new one")
		}
	}
	return set, exitcode.Errorf(exitcode.Refused,
		"%v belongs to a different security world than %s (hknso %.8s, not %.8s)",
		card, s.Chain.Dir(), card.HKNSO, set.HKNSO).
		Hint("name that world's folder with --kmdata, or use a card of this world")
}

// Cards lists the cards that were read, for the record.
func (s *Quorum) Cards() []statement.CardHolder {
	list := make([]statement.CardHolder, 0, len(s.cards.Cards))
	for _, c := range s.cards.Cards {
		list = append(list, statement.CardHolder{Index: c.Index, Holder: c.Holder})
	}
	ordered.Sort(list, func(a, b statement.CardHolder) int { return cmp.Compare(a.Index, b.Index) })
	return list
}

// PassTo makes the session the new cards', which have just come into force. It
// keeps the earlier ones until it ends, for the backups that they open.
func (s *Quorum) PassTo(issue *quorum.Issue) {
	former := s.knso
	s.former, s.formerCards = &former, s.cards
	s.cards = &cards.Quorum{Set: issue.Set, Secret: issue.Secret}
	issue.Secret = nil // the session wipes it
	for i, holder := range issue.Set.Holders {
		s.cards.Cards = append(s.cards.Cards, cards.Holding{Index: i + 1, Holder: holder})
	}
	s.knso, s.wrapping = KNSO{s.cards.Secret, s.Chain.Set()}, nil
}

// Former is the KNSO of the cards that were replaced, with which their backups
// open; nil where they were not read.
func (s *Quorum) Former() *KNSO { return s.former }

// ReadFormer reads K cards of the set before the one in force, unless the
// session has them.
func (s *Quorum) ReadFormer(media []cards.Medium, ui cards.UI) error {
	sets := s.Chain.Sets()
	if s.former != nil || len(sets) < 2 {
		return nil
	}
	old := sets[len(sets)-2]
	if err := mayRead(s.Chain, old, media); err != nil {
		return err
	}
	set := func(quorum.Card) (quorum.CardSet, error) { return old.Cards, nil }
	q, err := cards.Read(media, set, ui, old.Cards.Quorum.K)
	if err != nil {
		return err
	}
	s.formerCards = q
	former, err := NewKNSO(q.Secret, old)
	s.former = &former
	return err
}

// Current refuses a module that a card replacement did not reach yet.
func (s *Station) Current() error {
	if !s.Behind() {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "%s is still open to the cards of set %d", s.Module.Token, s.Module.CardSet).
		Hint("byok-offline world replace-cards --card DIR … finishes the replacement on it")
}
