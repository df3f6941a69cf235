//go:build !linux

package term

import (
	"os"

	xterm "golang.org/x/term"
)

// hideInput leaves the echo to readHidden on this system.
func hideInput(int) error { return nil }

// readHidden reads one line with the echo off. The library's own copies of it
// stay in the Go heap.
func readHidden(in *os.File, line []byte) (int, error) {
	typed, err := xterm.ReadPassword(int(in.Fd()))
	defer clear(typed)
	return copy(line, typed), err
}
