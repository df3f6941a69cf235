//go:build !linux

package term

import (
	"os"

	xterm "golang.org/x/term"
)

// hideInput leaves the echo to readHidden on this system.
func hideInput(int) error { return nil }

// keepOutput has no settings to change on this system.
func keepOutput(int) (release func()) { return func() {} }

// holdScreen has no settings to change on this system.
func holdScreen(int) (release func()) { return func() {} }

// discardInput has no way to drop what was typed on this system.
func discardInput(int) {}

// readHidden reads one line with the echo off. The library's own copies of it
// stay in the Go heap.
func readHidden(in *os.File, line []byte) ([]byte, error) {
	typed, err := xterm.ReadPassword(int(in.Fd()))
	defer clear(typed)
	n := copy(line, typed)
	return append(line[:n:n], '\n'), err
}
