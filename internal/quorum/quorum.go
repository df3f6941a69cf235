// Package quorum shares the world secret among the cards of an administrator
// card set, any K of N, and rebuilds it from K of them.
//
// The world secret is a random scalar of Ristretto255 (RFC 9496), shared after
// Shamir and committed to after Feldman (github.com/cloudflare/circl). The
// commitments are public: with them each card is checked on its own, not only
// K together. A card is a JSON document sealed with its holder's passphrase
// as an age file (age-encryption.org/v1, scrypt), which the plain age tool
// opens too; docs/recover.py rebuilds a world from cards so opened.
//
// To make a set: New, then Seal each card, write it as CardFile in a folder
// on its own medium, and read it back with ReadCard and a Reader. To open a
// world: NewReader, then ReadCard and Add until Missing is zero, then Secret.
// Wipe every Issue, Card, Reader and Secret as soon as it has served.
//
// Shares, the secret and what is derived from it lie in locked memory of
// package secret. What circl, age and HMAC copy on the heap while they work
// (polynomial coefficients, the passphrase, the scrypt output, one decrypted
// buffer) cannot be reached to be wiped; a program built with
// GOEXPERIMENT=runtimesecret has the runtime erase these too (see secret.Erased).
//
// Do not store the world secret or anything derived from it, and do not make
// cards by other means than New and Replace: a share outside a card set is
// checked by nothing.
package quorum

import (
	"errors"
	"fmt"

	"byok/internal/exitcode"
)

// MaxCards is the largest card set; nShield security worlds have the same limit.
const MaxCards = 64

// Quorum says that K cards of a set of N are needed. Its text form, on the
// command line and in files, is K/N, such as 2/3.
type Quorum struct{ K, N int }

// ParseQuorum reads K/N, 1 ≤ K ≤ N ≤ MaxCards, from the command line. Any
// other text has status Usage.
func ParseQuorum(text string) (Quorum, error) {
	var q Quorum
	if err := q.UnmarshalText([]byte(text)); err != nil {
		return Quorum{}, exitcode.Hint(exitcode.Mark(exitcode.Usage, err), "write how many cards of how many are needed, such as --acs-quorum 2/3")
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
	}
	return ""
}

// threshold is the degree of the sharing polynomial, circl's t: t+1 shares recover.
func (q Quorum) threshold() uint { return uint(q.K - 1) }

// ErrPassphrase says that a card's passphrase was wrong: the caller may ask
// for it again. Test with errors.Is.
var ErrPassphrase = errors.New("wrong passphrase")
