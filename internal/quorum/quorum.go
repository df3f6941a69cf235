// Package quorum is the mathematics of an administrator card set: it shares
// the world secret among N cards, rebuilds it from any K of them, and derives
// from it what the cards protect. It knows what a card says, but neither
// files nor media nor passphrases; package cards puts cards on media.
//
// The world secret is a random scalar of Ristretto255 (RFC 9496), shared after
// Shamir and committed to after Feldman (github.com/cloudflare/circl). The
// commitments are public: with them each card is checked on its own, not only
// K together. It exists only while cards are written or read; what has to
// last is sealed under it (see [Seal]).
//
// To make a set, call [New], or [CardSet.Replace] for the next set of a world,
// and encode each card with [Card.Encode]. To open a world, make a [Reader]
// for the card set that the world's statements name, [Reader.Add] cards until
// [Reader.Missing] is 0, then call [Reader.Secret]. Before anything is
// believed that kmdata says, verify it under the hknso that the cards carry,
// not under the one that the folder names; a Reader takes no card with another
// hknso than its set. Wipe every Issue, Card, Reader and Secret as soon as it
// has served.
//
// Shares, the secret and what is derived from it lie in locked memory of
// package secret. What circl, HKDF and AES copy on the heap while they work
// cannot be reached to be wiped; a program built with
// GOEXPERIMENT=runtimesecret has the runtime erase it (see secret.Erased).
//
// Do not store the world secret or a key derived from it, do not use a purpose
// for a second thing, and do not make cards by other means than New and
// Replace: nothing checks a share outside a card set.
package quorum

import (
	"fmt"

	"byok/internal/exitcode"
)

// MaxCards is the largest card set; nShield security worlds have the same limit.
const MaxCards = 64

// Quorum says that K cards of a set of N are needed. Its text form, on the
// command line and in files, is K/N, such as 2/3.
type Quorum struct{ K, N int }

// ParseQuorum reads K/N, 1 ≤ K ≤ N ≤ [MaxCards], from the command line. Any
// other text has status Usage.
func ParseQuorum(text string) (Quorum, error) {
	var q Quorum
	if err := q.UnmarshalText([]byte(text)); err != nil {
		return Quorum{}, exitcode.Hint(exitcode.Mark(exitcode.Usage, err),
			"write how many cards of how many are needed, such as --acs-quorum 2/3")
	}
	return q, nil
}

// String returns K/N.
func (q Quorum) String() string { return fmt.Sprintf("%d/%d", q.K, q.N) }

// MarshalText returns K/N.
func (q Quorum) MarshalText() ([]byte, error) { return []byte(q.String()), q.check() }

// UnmarshalText reads K/N in its one spelling: no signs, blanks or leading zeros.
func (q *Quorum) UnmarshalText(text []byte) error {
	var in Quorum
	if _, err := fmt.Sscanf(string(text), "%d/%d", &in.K, &in.N); err != nil || in.String() != string(text) {
		return fmt.Errorf("quorum %q is not of the form K/N", text)
	}
	if err := in.check(); err != nil {
		return err
	}
	*q = in
	return nil
}

func (q Quorum) check() error {
	switch {
	case q.K < 1:
		return fmt.Errorf("quorum %s: at least one card must be needed", q)
	case q.N > MaxCards:
		return fmt.Errorf("quorum %s: a card set has at most %d cards", q, MaxCards)
	case q.K > q.N:
		return fmt.Errorf("quorum %s: %d cards can never be read from a set of %d", q, q.K, q.N)
	}
	return nil
}

// Warning returns what a ceremony should hear about a quorum that is allowed
// but gives up what quorums are for, or "".
func (q Quorum) Warning() string {
	switch {
	case q.N == 1:
		return "quorum 1/1: whoever has the one card has the world, and without it the world is lost"
	case q.K == 1:
		return fmt.Sprintf("quorum %s: any one card holder alone has the world", q)
	case q.K == q.N:
		return fmt.Sprintf("quorum %s: every card is needed, so losing one loses the world", q)
	case 2*q.K <= q.N:
		return fmt.Sprintf("quorum %s: two groups of %d card holders can act without each other's knowledge", q, q.K)
	}
	return ""
}

// threshold is the degree of the sharing polynomial, circl's t: t+1 shares recover.
func (q Quorum) threshold() uint { return uint(q.K - 1) }
