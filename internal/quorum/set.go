package quorum

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/secretsharing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/printable"
)

// CardSet is what a signed statement says of an administrator card set. All
// of it is public.
type CardSet struct {
	// HKNSO is the SHA-256 of the SubjectPublicKeyInfo of the KNSO that
	// belongs to this set alone. It is known before the cards are dealt, and
	// every card carries it.
	HKNSO fingerprint.Sum `json:"hknso"`
	// Rehearsal marks the set of a rehearsal, as every card of it does.
	Rehearsal bool `json:"rehearsal"`
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
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(c) || hex.EncodeToString(raw) != string(text) {
		return errors.New("not 64 lower-case hex digits")
	}
	in := Commitment(raw)
	if _, err := in.element(); err != nil {
		return err
	}
	*c = in
	return nil
}

func (c Commitment) element() (group.Element, error) {
	e := group.Ristretto255.NewElement()
	if err := e.UnmarshalBinary(c[:]); err != nil || e.IsIdentity() {
		return nil, errors.New("no commitment of a card set")
	}
	return e, nil
}

// Check reports, as an error of status Usage, what is missing or malformed in
// the set. Decoding alone does not look for it. Whether the set is the one of
// a world is for the signature on the statement to say.
func (s CardSet) Check() error {
	if s.HKNSO == (fingerprint.Sum{}) {
		return exitcode.Errorf(exitcode.Usage, "card set: hknso is missing")
	}
	if s.Number < 1 {
		return exitcode.Errorf(exitcode.Usage, "card set: number %d, but sets are counted from 1", s.Number)
	}
	if err := s.Quorum.check(); err != nil {
		return exitcode.Errorf(exitcode.Usage, "card set: %w", err)
	}
	if len(s.Holders) != s.Quorum.N || len(s.Commitments) != s.Quorum.K {
		return exitcode.Errorf(exitcode.Usage, "card set: %s and %s for quorum %s",
			printable.Count(len(s.Holders), "holder"), printable.Count(len(s.Commitments), "commitment"), s.Quorum)
	}
	if clean, err := CheckHolders(s.Holders); err != nil || !slices.Equal(clean, s.Holders) {
		return exitcode.Errorf(exitcode.Usage, "card set: the holders' names are not as they were recorded")
	}
	return nil
}

// elements decodes the commitments for circl.
func (s CardSet) elements() (secretsharing.SecretCommitment, error) {
	out := make(secretsharing.SecretCommitment, len(s.Commitments))
	for i, c := range s.Commitments {
		element, err := c.element()
		if err != nil {
			return nil, exitcode.Errorf(exitcode.Usage, "card set: commitment %d: %w", i, err)
		}
		out[i] = element
	}
	return out, nil
}
