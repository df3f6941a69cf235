// Package term is where the programs talk to a person: messages, questions,
// secrets, progress and tables.
//
// The rules of output live here. Results go to Out, and nothing but results.
// Everything said to a person goes to Err, one line a message, as "program:
// error|warning|hint|debug: …", lower case and without a full stop; a hint is the
// next command. Questions go to the terminal device itself, so that redirected
// streams neither swallow nor feed them, and stay on the screen for the
// witnesses; only a progress line is erased. Text of foreign origin cannot
// steer the terminal: see Printable.
//
// Text is wrapped at words on a terminal, at 80 columns or its width; a hint
// never is, so that it can be pasted, and nothing is wrapped in a pipe.
//
// Do not print to os.Stdout or os.Stderr elsewhere, and do not read a secret
// from a stream: use [Console.Password], [Console.NewPassword] or [SecretFile],
// and [Console.Restore] when the conversation is over.
package term

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	xterm "golang.org/x/term"

	"byok/internal/printable"
)

// Console is one program's side of the conversation. Set its fields before
// the first call; its methods may then be used by several goroutines.
type Console struct {
	Program string    // the prefix of every message
	In      io.Reader // asked only if it is a terminal and this process has no other
	Out     io.Writer // results
	Err     io.Writer // messages and progress
	Quiet   bool      // leaves out Say and Progress, never a warning or an error

	concealed *device // the terminal whose echo is off; nil while it is on

	mu    sync.Mutex
	drawn bool // a progress line is on the screen
}

// Error says what failed. It does not end the program.
func (c *Console) Error(format string, args ...any) { c.message("error: ", format, args) }

// Warning says what a careful person would want to know before going on.
func (c *Console) Warning(format string, args ...any) { c.message("warning: ", format, args) }

// Hint says what to do next, as a command to type wherever there is one. It is
// never wrapped, so that it can be pasted.
func (c *Console) Hint(format string, args ...any) { c.write(c.prefix("hint: ", format, args)) }

// Debug shows text of several lines, such as a server's answer. Each line has
// the prefix of a message, so that none can pass for another one.
func (c *Console) Debug(text string) {
	for line := range strings.Lines(text) {
		c.write(c.prefix("debug: ", "%s", []any{strings.TrimRight(line, "\r\n")}))
	}
}

// Say reports what is being done; a quiet console leaves it out.
func (c *Console) Say(format string, args ...any) {
	if !c.Quiet {
		c.message("", format, args)
	}
}

// message writes one line, or several on a terminal that is not so wide.
func (c *Console) message(kind, format string, args []any) {
	c.write(strings.Join(Wrap(c.prefix(kind, format, args), widthOf(c.Err), "    "), "\n"))
}

func (c *Console) prefix(kind, format string, args []any) string {
	return c.Program + ": " + kind + Printable(fmt.Sprintf(format, args...))
}

// write writes text and a line end. A failed write has nowhere to be reported.
func (c *Console) write(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	_, _ = io.WriteString(c.Err, text+"\n")
}

// erase takes a progress line off the screen. The caller holds mu.
func (c *Console) erase() {
	if c.drawn {
		_, _ = io.WriteString(c.Err, "\r\x1b[K")
		c.drawn = false
	}
}

// Printable returns s on one line of visible characters; see [printable.Escape].
func Printable(s string) string { return printable.Escape(s) }

// Quote returns s as one word of a command line, for a hint; see [printable.Quote].
func Quote(s string) string { return printable.Quote(s) }

// terminal returns the file behind a stream if that is a terminal.
func terminal(stream any) (*os.File, bool) {
	f, ok := stream.(*os.File)
	return f, ok && f != nil && xterm.IsTerminal(int(f.Fd()))
}
