package quorum

import (
	"crypto/rand"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/secretsharing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/printable"
	"byok/internal/secret"
)

// Issue is a new card set: the world secret, the public description for the
// statement, and the N cards, not yet on media.
type Issue struct {
	Secret *Secret
	Set    CardSet
	Cards  []Card
}

// Wipe wipes the secret and every card. Wiping twice, or wiping nil, is
// harmless.
func (i *Issue) Wipe() {
	if i == nil {
		return
	}
	i.Secret.Wipe()
	i.WipeCards()
}

// WipeCards wipes every card, and keeps the secret.
func (i *Issue) WipeCards() {
	for _, c := range i.Cards {
		c.Wipe()
	}
}

// New makes the first card set of a world, with a random world secret: card i,
// counted from 1, goes to the i-th holder. hknso is the SHA-256 of the
// SubjectPublicKeyInfo of the KNSO that was made for this set. The names must
// be as many as the quorum's N (Usage) and pass [CheckHolders].
func New(q Quorum, holders []string, hknso fingerprint.Sum, rehearsal bool) (*Issue, error) {
	return share(CardSet{HKNSO: hknso, Rehearsal: rehearsal, Number: 1, Quorum: q}, holders)
}

// Replace makes the world's next card set, with a new secret and a new KNSO:
// cards of the two sets do not work together, and whatever is sealed under the
// old secret has to be sealed again. The old KNSO has status Usage, for it
// would go on signing for the new cards. A rehearsal stays one.
func (s CardSet) Replace(q Quorum, holders []string, hknso fingerprint.Sum) (*Issue, error) {
	if hknso == s.HKNSO {
		return nil, exitcode.Errorf(exitcode.Usage, "card set %d: expected a new KNSO, not that of set %d",
			s.Number+1, s.Number)
	}
	return share(CardSet{HKNSO: hknso, Rehearsal: s.Rehearsal, Number: s.Number + 1, Quorum: q}, holders)
}

// share completes a set of which all but holders and commitments is known.
func share(set CardSet, holders []string) (*Issue, error) {
	if err := set.Quorum.check(); err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	if len(holders) != set.Quorum.N {
		return nil, exitcode.Errorf(exitcode.Usage, "quorum %s: %s named for %s", set.Quorum,
			printable.Count(len(holders), "card holder"), printable.Count(set.Quorum.N, "card"))
	}
	var err error
	if set.Holders, err = CheckHolders(holders); err != nil {
		return nil, err
	}
	issue := &Issue{Set: set}
	secret.Erased(func() { err = issue.fill() })
	if err != nil {
		issue.Wipe()
		return nil, err
	}
	if err := issue.Set.Check(); err != nil {
		issue.Wipe()
		return nil, err
	}
	return issue, nil
}

// fill adds the secret, the commitments and the cards.
func (i *Issue) fill() error {
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
	for n, holder := range i.Set.Holders {
		share := sharing.ShareWithID(scalarOf(n + 1))
		i.Cards = append(i.Cards, i.Set.card(n+1, holder, encode(share.Value)))
		wipe(share.Value)
	}
	i.Secret = &Secret{encode(scalar)}
	return nil
}

// card returns a card of the set.
func (s CardSet) card(index int, holder string, share *secret.Bytes) Card {
	return Card{
		HKNSO:     s.HKNSO,
		Rehearsal: s.Rehearsal,
		Set:       s.Number,
		Quorum:    s.Quorum,
		Index:     index,
		Holder:    holder,
		Share:     share,
	}
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
