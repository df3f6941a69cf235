//go:build !linux && !windows

package term

import (
	"os"

	xterm "golang.org/x/term"
)

// settings are those of a terminal as it was found. On this system a question
// changes none: readLine turns the echo off.
type settings struct{ state *xterm.State }

func settingsOf(fd int) (settings, error) {
	state, err := xterm.GetState(fd)
	return settings{state}, err
}

func (s settings) apply(int, mode) error { return nil }

func (s settings) restore(fd int) { _ = xterm.Restore(fd, s.state) }

// discardInput has no way to drop what was typed on this system.
func discardInput(int) {}

// readLine reads one line with the echo off. The library's own copies of it
// stay in the Go heap.
func readLine(in *os.File, line []byte) ([]byte, error) {
	typed, err := xterm.ReadPassword(int(in.Fd()))
	defer clear(typed)
	n := copy(line, typed)
	return append(line[:n:n], '\n'), err
}

// servesUs takes this system's word for it.
func servesUs(int) bool { return true }
