// Package kek holds what is known about key exchange keys once: how one is
// identified, which rules it must meet, and what must have been said about it
// by another channel before it is accepted.
//
// Use [ParseID] for identifiers and compare them with [ID.Equal]. A checked
// KEK, which is the only one to wrap a key for, is an attest.KEK: this package
// has the rules, package attest applies them.
package kek
