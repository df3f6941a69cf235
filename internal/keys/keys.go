// Package keys is what people do with a key of the world, one file an
// operation: generate it, have a quorum approve it for a KEK, package what was
// approved, restore it from its backup, freeze and retire it.
//
// An [Operator] does what the user PIN allows, and a [Quorum] what K cards
// allow as well. Every operation that changes the token runs on the journal,
// so that a second run finishes an interrupted one or takes it back.
package keys

import "byok/internal/session"

// Quorum is a quorum session at work on keys.
type Quorum struct{ *session.Quorum }

// Operator is an operator at work on keys.
type Operator struct{ *session.Operator }
