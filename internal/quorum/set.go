package quorum

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/secretsharing"

	"byok/internal/exitcode"
)

// CardSet is what the world file says of its administrator card set. All of
// it is public.
type CardSet struct {
	// World is the identity every card of the world carries, 64 lower-case
	// hex digits: the SHA-256 of the first set's commitments, concatenated.
	// It exists before the token does, so it is not hknso.
	World string `json:"world"`
	// Number counts the sets of a world: 1 at its creation, one more each
	// time its cards are replaced.
	Number      int          `json:"number"`
	Quorum      Quorum       `json:"quorum"`
	Holders     []string     `json:"holders"` // of card 1 to N
	Commitments []Commitment `json:"commitments"`
}

// Commitment is the encoding (RFC 9496, section 4.3.2) of one coefficient of
// the sharing polynomial times the generator; its text form is 64 lower-case
// hex digits. The first of a set commits to the world secret.
type Commitment [sha256.Size]byte

// MarshalText returns the hex digits.
func (c Commitment) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, c[:]), nil }

// UnmarshalText reads the hex digits and refuses what encodes no group
// element, or the identity.
func (c *Commitment) UnmarshalText(text []byte) error {
	if !isHash(string(text)) {
		return errors.New("not 64 lower-case hex digits")
	}
	if _, err := hex.Decode(c[:], text); err != nil {
		return err
	}
	_, err := c.element()
	return err
}

func (c Commitment) element() (group.Element, error) {
	e := group.Ristretto255.NewElement()
	if err := e.UnmarshalBinary(c[:]); err != nil || e.IsIdentity() {
		return nil, errors.New("no commitment of a card set")
	}
	return e, nil
}

// Check tells whether the set is complete and consistent; decoding alone does
// not. A missing or malformed part has status Usage, an identity that is not
// that of the commitments status Check.
func (s CardSet) Check() error {
	if !isHash(s.World) {
		return exitcode.Errorf(exitcode.Usage, "card set: the world identity is not 64 lower-case hex digits")
	}
	if s.Number < 1 {
		return exitcode.Errorf(exitcode.Usage, "card set: number %d, but sets are counted from 1", s.Number)
	}
	if err := s.Quorum.check(); err != nil {
		return exitcode.Errorf(exitcode.Usage, "card set: %w", err)
	}
	if len(s.Holders) != s.Quorum.N || len(s.Commitments) != s.Quorum.K {
		return exitcode.Errorf(exitcode.Usage, "card set: %d holders and %d commitments for quorum %s", len(s.Holders), len(s.Commitments), s.Quorum)
	}
	if clean, err := CheckHolders(s.Holders); err != nil || !slices.Equal(clean, s.Holders) {
		return exitcode.Errorf(exitcode.Usage, "card set: the holders' names are not as they were recorded")
	}
	if s.Number == 1 && s.World != identify(s.Commitments) {
		return exitcode.Errorf(exitcode.Check, "card set: the world identity is not the hash of the commitments")
	}
	return nil
}

// elements decodes the commitments for circl.
func (s CardSet) elements() (secretsharing.SecretCommitment, error) {
	out := make(secretsharing.SecretCommitment, len(s.Commitments))
	for i, c := range s.Commitments {
		var err error
		if out[i], err = c.element(); err != nil {
			return nil, exitcode.Errorf(exitcode.Usage, "card set: commitment %d: %w", i, err)
		}
	}
	return out, nil
}

// identify returns the world identity of a first set.
func identify(commitments []Commitment) string {
	h := sha256.New()
	for _, c := range commitments {
		h.Write(c[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func isHash(text string) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && len(raw) == sha256.Size && bytes.Equal(hex.AppendEncode(nil, raw), []byte(text))
}
