package quorum

import (
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

// NewReader returns a Reader for the card set of a world file. Its errors are
// those of CardSet.Check.
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
// the card's share from here on: a card it refuses is wiped. A card of
// another world, of a replaced or later set, one at odds with the world file,
// one read before, and one whose share does not fit the commitments each have
// their own text, all with status Refused.
func (r *Reader) Add(name string, card Card) error {
	err := r.fits(name, card)
	if err == nil {
		secret.Erased(func() { err = r.verify(name, card) })
	}
	if err != nil {
		card.Wipe()
		return exitcode.Mark(exitcode.Refused, err)
	}
	r.cards = append(r.cards, card)
	return nil
}

func (r *Reader) fits(name string, card Card) error {
	refuse := func(format string, args ...any) error {
		return exitcode.Errorf(exitcode.Refused, "%s: %s "+format, append([]any{name, card}, args...)...)
	}
	switch {
	case card.check() != nil:
		return refuse("is not complete")
	case card.World != r.set.World:
		return exitcode.Hint(refuse("belongs to security world %.8s, not to %.8s", card.World, r.set.World), "use a card of this world, or the kmdata folder of that one")
	case card.Set < r.set.Number:
		return exitcode.Hint(refuse("is of card set %d, which set %d has replaced", card.Set, r.set.Number), "destroy the old card and use the new one")
	case card.Set > r.set.Number:
		return exitcode.Hint(refuse("is of card set %d, but the world file is of set %d", card.Set, r.set.Number), "use the kmdata folder as it was after the cards were replaced")
	case card.Quorum != r.set.Quorum:
		return refuse("says quorum %s, the world file %s", card.Quorum, r.set.Quorum)
	case card.Holder != r.set.Holders[card.Index-1]:
		return refuse("is held by %s in the world file", r.set.Holders[card.Index-1])
	case r.has(card.Index):
		return exitcode.Hint(refuse("has already been read"), "use a card that has not been read")
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
		return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s: the share of %s does not fit the world's commitments: the card was altered", name, card),
			"keep the card as evidence and use another card of the set, then byok-offline world replace-cards")
	}
	return nil
}

func shareOf(card Card) (secretsharing.Share, error) {
	value, err := decode(card.Share)
	return secretsharing.Share{ID: scalarOf(card.Index), Value: value}, err
}

// Missing returns how many more cards are needed; 0 when Secret can be called.
func (r *Reader) Missing() int { return max(0, r.set.Quorum.K-len(r.cards)) }

// Secret rebuilds the world secret from the cards read. Fewer than K have
// status Refused.
func (r *Reader) Secret() (out *Secret, err error) {
	if n := r.Missing(); n > 0 {
		return nil, exitcode.Hint(exitcode.Errorf(exitcode.Refused, "only %d of the %d administrator cards needed have been read", len(r.cards), r.set.Quorum.K),
			"add --card and the folder of each further card; still needed: %d", n)
	}
	secret.Erased(func() { out, err = r.recover() })
	return out, err
}

func (r *Reader) recover() (*Secret, error) {
	var shares []secretsharing.Share
	for _, card := range r.cards[:r.set.Quorum.K] {
		share, err := shareOf(card)
		if err != nil {
			return nil, err
		}
		defer wipe(share.Value)
		shares = append(shares, share)
	}
	scalar, err := secretsharing.Recover(r.set.Quorum.threshold(), shares)
	if err != nil {
		return nil, err
	}
	defer wipe(scalar)
	// The first commitment is to the secret itself, that is, to the share with number 0.
	if !scalar.Group().NewElement().MulGen(scalar).IsEqual(r.commitments[0]) {
		return nil, exitcode.Errorf(exitcode.Refused, "the cards read do not rebuild the world secret the world file commits to")
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
