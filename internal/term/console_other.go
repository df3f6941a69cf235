//go:build !windows

package term

import "os"

// noTerminal says why no one can be asked.
const noTerminal = "/dev/tty cannot be opened and standard input is not a terminal"

// openTerminal opens the terminal of this process, for reading and for writing,
// wherever its streams lead.
func openTerminal() (in, out *os.File, err error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	return tty, tty, err
}

// canClear reports whether the terminal takes control sequences.
func canClear() bool {
	kind := os.Getenv("TERM")
	return kind != "" && kind != "dumb"
}

// takesSequences takes it that every terminal can erase a line.
func takesSequences(*os.File) bool { return true }

// kind names the terminal in a message.
func kind() string { return "this terminal (TERM=" + os.Getenv("TERM") + ")" }
