package quorum

import (
	"fmt"
	"slices"

	"github.com/cloudflare/circl/secretsharing"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// Reader takes the cards of one card set, checks each on its own, and
// rebuilds the world secret once K are read. It may be given all N.
type Reader struct {
	set         CardSet
	commitments secretsharing.SecretCommitment
	cards       []Card
}

// NewReader returns a Reader for a card set. Its errors are those of
// [CardSet.Check].
func NewReader(set CardSet) (*Reader, error) {
	if err := set.Check(); err != nil {
		return nil, err
	}
	commitments, err := set.elements()
	if err != nil {
		return nil, err
	}
	return &Reader{set: set, commitments: commitments}, nil
}

// Add takes a card; name says in messages where it was read. The reader owns
// the card's share from here on: a card it refuses is wiped. A card with
// another rehearsal mark, of another world, of an earlier or a later set, one
// at odds with the set, one read before, and one whose share does not fit the
// commitments each have their own text, all with status Refused.
func (r *Reader) Add(name string, card Card) error {
	if err := r.take(name, card); err != nil {
		card.Wipe()
		return err
	}
	r.cards = append(r.cards, card)
	return nil
}

func (r *Reader) take(name string, card Card) (err error) {
	if err := r.fits(name, card); err != nil {
		return err
	}
	secret.Erased(func() { err = r.verify(name, card) })
	return err
}

// fits compares what the card says with its set.
func (r *Reader) fits(name string, card Card) error {
	refuse := func(format string, args ...any) exitcode.Error {
		return exitcode.Errorf(exitcode.Refused, "%s: %s %s", name, card, fmt.Sprintf(format, args...))
	}
	if err := card.check(); err != nil {
		return refuse("is not complete: %v", err)
	}
	if err := r.sameSet(card, refuse); err != nil {
		return err
	}
	switch holder := r.set.Holders[card.Index-1]; {
	case card.Holder != holder:
		return refuse("is held by %s in the card set", holder).Hint("%s", hintReplace)
	case r.has(card.Index):
		return refuse("has already been read").Hint("use a card that has not been read")
	}
	return nil
}

// hintReplace is for a card that can no longer serve.
const hintReplace = "keep the card as evidence and use another card of the set, then byok-offline world replace-cards"

// sameSet refuses a card of another set. Only of a card with the same number
// is it certain that its world is another one: hknso changes with the cards.
func (r *Reader) sameSet(card Card, refuse func(format string, args ...any) exitcode.Error) error {
	set := r.set
	switch {
	case card.Rehearsal && !set.Rehearsal:
		return refuse("is a rehearsal's: production refuses it").Hint("use a card of the production world")
	case set.Rehearsal && !card.Rehearsal:
		return refuse("is a production card: a rehearsal refuses it").Hint("use a card of the rehearsal's world")
	case card.Set < set.Number:
		return refuse("is of card set %d, not of set %d", card.Set, set.Number).
			Hint("use a card of set %d; if set %d was replaced, destroy its cards", set.Number, card.Set)
	case card.Set > set.Number:
		return refuse("is of card set %d, not of set %d", card.Set, set.Number).
			Hint("if set %d was replaced, use cards of set %d and kmdata as it was afterwards", set.Number, card.Set)
	case card.HKNSO != set.HKNSO:
		return refuse("belongs to the world of hknso %.8s, not of %.8s", card.HKNSO, set.HKNSO).
			Hint("use a card of this world, or the kmdata folder of that one")
	case card.Quorum != set.Quorum:
		return refuse("says quorum %s, the card set %s", card.Quorum, set.Quorum).Hint("%s", hintReplace)
	}
	return nil
}

func (r *Reader) has(index int) bool {
	return slices.ContainsFunc(r.cards, func(c Card) bool { return c.Index == index })
}

// verify is Feldman's check of one share.
func (r *Reader) verify(name string, card Card) error {
	share, err := shareOf(card)
	if err != nil {
		return err
	}
	defer wipe(share.Value)
	if !secretsharing.Verify(r.set.Quorum.threshold(), share, r.commitments) {
		return exitcode.Errorf(exitcode.Refused,
			"%s: the share of %s does not fit the world's commitments: the card was altered", name, card).
			Hint("%s", hintReplace)
	}
	return nil
}

func shareOf(card Card) (secretsharing.Share, error) {
	value, err := decode(card.Share)
	return secretsharing.Share{ID: scalarOf(card.Index), Value: value}, err
}

// sharesOf returns the shares of cards, on an error those before it.
func sharesOf(cards []Card) (shares []secretsharing.Share, err error) {
	for _, card := range cards {
		share, err := shareOf(card)
		if err != nil {
			return shares, err
		}
		shares = append(shares, share)
	}
	return shares, nil
}

func wipeAll(shares []secretsharing.Share) {
	for _, s := range shares {
		wipe(s.Value)
	}
}

// Missing returns how many more cards are needed; 0 when Secret can be called.
func (r *Reader) Missing() int { return max(0, r.set.Quorum.K-len(r.cards)) }

// Secret rebuilds the world secret from the cards read. Fewer than K have
// status Refused.
func (r *Reader) Secret() (out *Secret, err error) {
	if n := r.Missing(); n > 0 {
		return nil, exitcode.Errorf(exitcode.Refused, "only %d of the %d administrator cards needed have been read",
			len(r.cards), r.set.Quorum.K).
			Hint("add --card and the folder of each further card; still needed: %d", n)
	}
	secret.Erased(func() { out, err = r.recover() })
	return out, err
}

func (r *Reader) recover() (*Secret, error) {
	shares, err := sharesOf(r.cards[:r.set.Quorum.K])
	defer wipeAll(shares)
	if err != nil {
		return nil, err
	}
	scalar, err := secretsharing.Recover(r.set.Quorum.threshold(), shares)
	if err != nil {
		return nil, err
	}
	defer wipe(scalar)
	// The first commitment is to the secret itself, that is, to the share with number 0.
	if !scalar.Group().NewElement().MulGen(scalar).IsEqual(r.commitments[0]) {
		return nil, exitcode.Errorf(exitcode.Refused,
			"the cards read do not rebuild the world secret that the card set commits to").
			Hint("do not use this computer for the ceremony: each card fits on its own, so its memory is at fault")
	}
	return &Secret{encode(scalar)}, nil
}

// Wipe wipes every card read and makes the reader empty.
func (r *Reader) Wipe() {
	for _, c := range r.cards {
		c.Wipe()
	}
	r.cards = nil
}
