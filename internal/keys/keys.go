// Package keys is what people do with a key of the world, one file an
// operation: generate it, have a quorum approve it for a KEK, package what was
// approved, restore it from its backup, freeze and retire it.
//
// An [Operator] does what the user PIN allows, and a [Quorum] what K cards
// allow as well. Every operation that changes the token runs on the journal,
// so that a second run finishes an interrupted one or takes it back.
package keys

import (
	"byok/internal/journal"
	"byok/internal/kmdata"
	"byok/internal/packing"
	"byok/internal/session"
)

// Quorum is a quorum session at work on keys.
type Quorum struct {
	*session.Quorum
	// Wrapped, if set, is called for each key that is wrapped for a vault.
	Wrapped func(ident string)

	// Jobs is how many keys of a list are generated at a time; 0 leaves it to what the
	// token allows.
	Jobs int

	row *row // of generations; nil: one alone
}

// Operator is an operator at work on keys.
type Operator struct{ *session.Operator }

// Packer writes the transfer packages of what a quorum approved.
func (o Operator) Packer() *packing.Packer {
	return &packing.Packer{Chain: o.Chain, Token: o.Token, KML: o, Check: o.ExactlyTrusted}
}

// note is the journal's note of an operation on one key.
type note struct {
	Label string `json:"label"`
}

// The verbs of the journal.
const (
	generateVerb = "key-generate"
	restoreVerb  = "key-restore"
	retireVerb   = "key-retire"
	freezeVerb   = "key-freeze"
)

// operationName is the journal's name of an operation on one key.
func operationName(verb, ident string) string { return verb + "_" + ident }

// pending reports whether an operation on a key was cut short: the next run
// settles it, also where all was done. T is the operation's note.
func pending[T any](chain *kmdata.Chain, verb, ident string) (bool, error) {
	_, found, err := journal.Pending[T](journal.Of(chain.Dir()), operationName(verb, ident))
	return found, err
}
