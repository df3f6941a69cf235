package term

import (
	"os"

	xterm "golang.org/x/term"
)

// Snapshot notes how the terminal is set now. The function that it returns puts
// it back so, with the alternate screen, and what is shown there, cleared: for
// a process whose child has ended without doing so. It does nothing where there
// is no terminal.
func Snapshot() (rescue func()) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return func() {}
	}
	state, err := xterm.GetState(int(tty.Fd()))
	if err != nil {
		_ = tty.Close()
		return func() {}
	}
	return func() {
		defer tty.Close()
		changed, err := xterm.GetState(int(tty.Fd()))
		if err != nil || *changed == *state {
			return
		}
		_, _ = tty.WriteString(leaveAlternate)
		_ = xterm.Restore(int(tty.Fd()), state)
	}
}
