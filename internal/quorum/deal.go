package quorum

import (
	"crypto/rand"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/secretsharing"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// Issue is a new card set: the world secret, the public description for the
// world file, and the N cards, not yet sealed.
type Issue struct {
	Secret *Secret
	Set    CardSet
	Cards  []Card
}

// Wipe wipes the secret and every card.
func (i *Issue) Wipe() {
	i.Secret.Wipe()
	for _, c := range i.Cards {
		c.Wipe()
	}
}

// New makes a world secret and shares it: card i, counted from 1, goes to the
// i-th holder. The names must be as many as the quorum's N (Usage) and pass
// CheckHolders.
func New(q Quorum, holders []string) (*Issue, error) {
	return deal(CardSet{Number: 1, Quorum: q}, holders)
}

// Replace makes the world's next card set, with a new secret: cards of the
// two sets do not work together, and what was derived from the old secret has
// to be derived again.
func (s CardSet) Replace(q Quorum, holders []string) (*Issue, error) {
	return deal(CardSet{World: s.World, Number: s.Number + 1, Quorum: q}, holders)
}

func deal(set CardSet, holders []string) (*Issue, error) {
	if err := set.Quorum.check(); err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	if len(holders) != set.Quorum.N {
		return nil, exitcode.Errorf(exitcode.Usage, "quorum %s: %d card holders named for %d cards", set.Quorum, len(holders), set.Quorum.N)
	}
	var err error
	if set.Holders, err = CheckHolders(holders); err != nil {
		return nil, err
	}
	issue := &Issue{Set: set}
	secret.Erased(func() { err = issue.share() })
	if err != nil {
		issue.Wipe()
		return nil, err
	}
	return issue, nil
}

// share fills in the secret, the commitments and the cards.
func (i *Issue) share() error {
	scalar := group.Ristretto255.RandomNonZeroScalar(rand.Reader)
	defer wipe(scalar)
	sharing := secretsharing.New(rand.Reader, i.Set.Quorum.threshold(), scalar)
	for _, element := range sharing.CommitSecret() {
		encoded, err := element.MarshalBinary()
		if err != nil {
			return err
		}
		i.Set.Commitments = append(i.Set.Commitments, Commitment(encoded))
	}
	if i.Set.Number == 1 {
		i.Set.World = identify(i.Set.Commitments)
	}
	for n, holder := range i.Set.Holders {
		share := sharing.ShareWithID(scalarOf(n + 1))
		i.Cards = append(i.Cards, Card{
			World: i.Set.World, Set: i.Set.Number, Quorum: i.Set.Quorum,
			Index: n + 1, Holder: holder, Share: encode(share.Value),
		})
		wipe(share.Value)
	}
	i.Secret = &Secret{encode(scalar)}
	return nil
}

func scalarOf(n int) group.Scalar {
	return group.Ristretto255.NewScalar().SetUint64(uint64(n))
}

// encode moves a copy of the scalar into locked memory, 32 bytes little-endian
// (RFC 9496, section 4.4).
func encode(s group.Scalar) *secret.Bytes {
	encoded, err := s.MarshalBinary()
	if err != nil { // of a Ristretto255 scalar: never
		return nil
	}
	return secret.Take(encoded)
}

// decode reads the 32 bytes of encode; anything else, a number not reduced
// modulo the group order included, is an error.
func decode(b *secret.Bytes) (group.Scalar, error) {
	s := group.Ristretto255.NewScalar()
	if err := s.UnmarshalBinary(b.Reveal()); err != nil {
		return nil, err
	}
	return s, nil
}

// wipe overwrites the scalar in place.
func wipe(s group.Scalar) { s.SetUint64(0) }
