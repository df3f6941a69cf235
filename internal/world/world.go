// Package world is what people do with a security world: one file an
// operation, from [Create] to [Session.ReplaceCards].
//
// Two kinds of session work on a token. An [Operator] has the user PIN: it
// generates keys of unproved origin, packages what a quorum approved, retires
// keys, and signs with the module's KML. A [Session] has K cards as well: it
// generates keys before witnesses, approves transfers, restores, recovers and
// replaces cards, and signs statements with KNSO. KNSO's private half is in
// memory only while a Session signs, and KM's only while a backup is opened.
//
// Every operation that changes token and files runs on the [Journal], so that
// a second run after any interruption finishes it or takes it back. An
// operation reads as check, do, undo.
//
// Files are read and written by package kmdata, cards by package cards, and
// PKCS#11 calls are in package hsm: this package holds none of the three.
package world

import (
	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/secret"
)

// UI is the dialogue of an operation with the people around it. Package
// command implements it for a terminal and for unattended use.
type UI interface {
	cards.UI

	// UserPIN asks for the user PIN of the token.
	UserPIN(token string) (*secret.Bytes, error)
	// ApproveList asks a card holder to type the first word of the list's
	// hash, and fails unless it is typed.
	ApproveList(word string) error
	// LastStatement asks the card holders for the number and the first word of
	// the last statement, as they wrote them down.
	LastStatement(why string) (number int, word string, err error)
	// Reason asks for the reason of a break: why the record lacks what is missing.
	Reason(missing []string) (string, error)
	// AcceptLibrary asks for the first words of the library's SHA-256, as the
	// vendor's release or the plan gives them, before the library is loaded.
	AcceptLibrary(change LibraryChange) error
	// AcceptSerial asks for the serial number as it stands on the device.
	AcceptSerial(token, serial string) error
}

// Log is the ceremony log as a session needs it.
type Log interface {
	// Head is the log as it stands now.
	Head() (kmdata.LogHead, error)
	// Since lists what happened after head, one line an event; found is false
	// if the log does not contain head.
	Since(head kmdata.LogHead) (events []string, found bool, err error)
}

// Access is what a command brings to a session.
type Access struct {
	Dir     string // kmdata
	Library string // path of the PKCS#11 library; "" for the module statement's
	UI      UI
	Log     Log
	Program kmdata.Program
	// WithoutUser begins a session in which nobody logs in as user: the user
	// PIN is forgotten or locked.
	WithoutUser bool
}

// mixed refuses to bring rehearsal and production together.
func mixed(chain *kmdata.Chain, what string, rehearsal bool) error {
	if rehearsal == chain.Rehearsal() {
		return nil
	}
	if rehearsal {
		return exitcode.Errorf(exitcode.Refused, "%s is from a rehearsal, and this is a production world (%s)", what, chain.Dir())
	}
	return exitcode.Errorf(exitcode.Refused, "%s is from production, and this is a rehearsal world (%s)", what, chain.Dir())
}
