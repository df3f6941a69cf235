// Package world is what people do with a security world as a whole, one file
// an operation: create it, recover it onto another module, replace its cards,
// accept another library, set PINs, and copy its records.
//
// A [Quorum] does what K cards allow. Every operation that changes token, cards
// and files runs on the journal, so that a second run finishes an interrupted
// one or takes it back.
package world

import "byok/internal/session"

// Quorum is a quorum session at work on the world.
type Quorum struct{ *session.Quorum }
