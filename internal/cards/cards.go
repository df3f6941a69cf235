// Package cards deals administrator cards to media and reads them back: which
// medium may take a card, how a card is sealed with its holder's passphrase,
// and how often a holder may try. What a card says, and whether its share is
// good, is for package quorum.
//
// A card set is dealt by [Deal], after [CheckPlaces]; after an interrupted run
// [Reread] takes the cards up, or [RemoveAll] takes them back. K cards are read
// by [Read]. [ChangePassphrase] is the one way to seal a card again. Every card
// that is written is read back and verified before the call returns.
//
// A card is a binary age file (age-encryption.org/v1, scrypt) that the plain
// age tool opens; docs/recover.py rebuilds a world from cards so opened. The
// [Header] beside it is in clear, for the prompt alone: it proves nothing.
//
// Whoever has a copy of a card file and learns its passphrase has the card,
// also when the passphrase has been changed since: media stay in their
// holder's hand. Do not read card files by other means, and do not write them
// where [CheckPlaces] was not asked.
//
// Passphrases and opened cards lie in locked memory. What age and scrypt copy
// on the heap is erased by a program built with GOEXPERIMENT=runtimesecret
// (see secret.Erased).
package cards

import (
	"errors"
	"fmt"

	"byok/internal/quorum"
	"byok/internal/secret"
)

// ErrBlank says that there is no card on a medium. Test with errors.Is.
var ErrBlank = errors.New("blank card")

// ErrPassphrase says that a card's passphrase was wrong: the holder may be
// asked again. Test with errors.Is.
var ErrPassphrase = errors.New("wrong passphrase")

// UI is what dealing and reading cards need of the person at the terminal. An
// error of its methods, such as an interrupt, ends the dealing or the reading.
type UI interface {
	// Say reports progress.
	Say(format string, args ...any)
	// Warn says what somebody must know, in one sentence.
	Warn(text string)
	// NewPassphrase shows the passphrase that was drawn to the card's holder
	// alone, clears it from the screen, and returns what the holder then
	// typed: it again, or, with own set, a passphrase that the holder insists
	// on, typed twice alike. The caller wipes both.
	NewPassphrase(a Ask, drawn *secret.Bytes) (typed *secret.Bytes, own bool, err error)
	// Passphrase returns the passphrase of a card. The caller wipes it.
	Passphrase(a Ask) (*secret.Bytes, error)
	// Insert asks for the next medium of a socket, and returns once it is said to
	// be inside. question is one line, without a colon.
	Insert(question string) error
	// Tries is how often a passphrase is asked for: [Tries] from a person, 1
	// from a file, which answers the same again.
	Tries() int
}

// Tries is how often a person may type the passphrase of a card.
const Tries = 3

// Ask is a question about the passphrase of one card.
type Ask struct {
	Medium int    // the medium's place among those that were given, from 0
	Try    int    // from 1
	Prompt string // the question in one line, without a colon
}

// Holding is a card that was dealt or read, for the record.
type Holding struct {
	Index  int    // of the card, from 1
	Holder string // name
	Own    bool   // dealt with a passphrase of the holder's own, not a drawn one
	Tries  int    // how often the passphrase was typed
}

// String names the card for people: "card 2 (Alice)".
func (h Holding) String() string { return fmt.Sprintf("card %d (%s)", h.Index, h.Holder) }

// Quorum is K cards of one set, read: the world secret, and whose cards they
// were. Wipe it as soon as it has served. Set.HKNSO is what the cards carry:
// verify kmdata under it before anything is believed that kmdata says.
type Quorum struct {
	Set    quorum.CardSet
	Secret *quorum.Secret
	Cards  []Holding
}

// Wipe wipes the world secret; twice, or on nil, is harmless.
func (q *Quorum) Wipe() {
	if q != nil {
		q.Secret.Wipe()
	}
}
