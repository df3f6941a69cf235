// Package access says who besides its owner can reach a file, and keeps others
// from a new one: by its mode, or by its access list on Windows, where a mode
// says nothing.
//
// Use [Others] before a secret is read from a file or its content is believed.
// Make a folder that only this user may reach with [MkdirAll]. Package durable makes
// its files and folders with [Create] and [Mkdir]: use durable for those.
package access

// Right is what others may not have.
type Right int

// What there is to have a right to.
const (
	Any    Right = iota // to read, to change, or to run
	Change              // to write, to add, to replace or to remove
)
