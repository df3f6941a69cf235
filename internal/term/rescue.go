package term

import xterm "golang.org/x/term"

// Snapshot notes how the terminal is set now. The function that it returns puts
// it back so, with the alternate screen, and what is shown there, cleared, and
// drops what was typed and not read: for a process whose child has ended, or was
// stopped, at a prompt. Where the settings are as they were, and where the
// terminal is not there or serves another job, it does nothing.
func Snapshot() (rescue func()) {
	in, out, err := openTerminal()
	if err != nil {
		return func() {}
	}
	state, err := xterm.GetState(int(in.Fd()))
	if err != nil {
		_, _ = in.Close(), out.Close()
		return func() {}
	}
	return func() {
		fd := int(in.Fd())
		if !servesUs(fd) {
			return
		}
		changed, err := xterm.GetState(fd)
		if err != nil || *changed == *state {
			return
		}
		if canClear() {
			// What is on the ordinary screen stays.
			_, _ = out.WriteString(enterAlternate + leaveAlternate + "\n")
		}
		discardInput(fd) // the beginning of a PIN is nothing for the shell
		_ = xterm.Restore(fd, state)
	}
}
