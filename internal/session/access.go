// Package session is a security world's module at hand, and who works on it.
//
// [Connect] loads the library that the module's newest statement names, and no
// other, and finds its token: a [Station]. On it work an [Operator], who has
// the user PIN and signs with the module's KML, and a [Quorum], in which K
// cards were read as well. A Quorum signs statements with KNSO, logs in as
// security officer with the PIN from the cards, and opens backups with KM.
// KNSO's private half is in memory only while it signs, and KM's only while a
// backup is opened.
//
// What people do with these is in packages world and keys. Nothing here makes
// or changes a key of a customer.
package session

import (
	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/officer"
	"byok/internal/secret"
	"byok/internal/statement"
)

// UI is the dialogue of an operation with the people around it. Package
// command implements it for a terminal and for unattended use.
type UI interface {
	cards.UI

	// UserPIN asks for the user PIN of the token, or has people type it there,
	// where the token has a PIN pad.
	UserPIN(token hsm.Token) (*secret.Bytes, error)
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
	// AcceptSerial asks for the serial number as printed on the device.
	AcceptSerial(token, serial string) error
	// AwaitOfficer shows what a crypto officer is to do with the vendor's tool,
	// and returns when done says so, or gives up: after a time limit, or when the
	// people interrupt it.
	AwaitOfficer(order officer.Order, done func() (bool, error)) error
}

// Log is the ceremony log as a session needs it.
type Log interface {
	// Head is the log as it stands now.
	Head() (statement.LogHead, error)
	// Since lists what happened after head, one line an event; found is false
	// if the log does not contain head.
	Since(head statement.LogHead) (events []string, found bool, err error)
}

// Access is what a command brings to a session.
type Access struct {
	Dir     string        // kmdata
	Library string        // path of the PKCS#11 library; "" for the module statement's
	Token   hsm.TokenName // of the token to use; the zero value where only one can be meant
	UI      UI
	Log     Log
	Program statement.Program
	// WithoutUser begins a session in which no one logs in as user: the user
	// PIN is forgotten or locked.
	WithoutUser bool
}

// Mixed refuses to bring rehearsal and production together.
func Mixed(chain *kmdata.Chain, what string, rehearsal bool) error {
	if rehearsal == chain.Rehearsal() {
		return nil
	}
	if rehearsal {
		return exitcode.Errorf(exitcode.Refused,
			"%s is from a rehearsal, and this is a production world (%s)", what, chain.Dir())
	}
	return exitcode.Errorf(exitcode.Refused,
		"%s is from production, and this is a rehearsal world (%s)", what, chain.Dir())
}
