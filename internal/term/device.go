package term

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	xterm "golang.org/x/term"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/interrupt"
	"byok/internal/secret"
)

// maxLine holds any line a terminal can hand over (N_TTY_BUF_SIZE in Linux),
// so that no rest of a secret is left for the shell to read.
const maxLine = 4096

// device is the terminal a question is asked on.
type device struct {
	in    *os.File
	out   io.Writer
	ours  bool         // opened here, to be closed here
	state *xterm.State // before the echo was turned off; nil while it is on
}

// open returns the terminal: the one that has its echo off, or /dev/tty, or
// standard input.
func (c *Console) open() (*device, error) {
	c.mu.Lock()
	d := c.concealed
	c.mu.Unlock()
	if d != nil {
		return d, nil
	}
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
		return &device{in: tty, out: tty, ours: true}, nil
	}
	if in, ok := terminal(c.In); ok {
		return &device{in: in, out: c.Err}, nil
	}
	return nil, errors.New("/dev/tty cannot be opened and standard input is not a terminal")
}

func (c *Console) openFor(code exitcode.Code, doing, flag string) (*device, error) {
	d, err := c.open()
	if err == nil {
		return d, nil
	}
	err = exitcode.Errorf(code, "cannot %s: %w", Printable(doing), err)
	if flag != "" {
		err = exitcode.Hint(err, "give %s", flag)
	}
	return nil, err
}

// close lets go of a terminal whose echo is on.
func (d *device) close() {
	if d.ours && d.state == nil {
		_ = d.in.Close()
	}
}

// conceal turns the echo off, from now until Console.Restore: what is typed
// between two questions must not show either.
func (c *Console) conceal(d *device) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.state == nil {
		state, err := xterm.GetState(int(d.in.Fd()))
		if err != nil {
			return err
		}
		d.state, c.concealed = state, d
	}
	return hideInput(int(d.in.Fd()))
}

// Restore turns the echo on again that the first question for a secret turned
// off. Call it when the conversation is over, however it ends; further calls are
// harmless.
func (c *Console) Restore() {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.concealed
	if d == nil {
		return
	}
	c.concealed = nil
	_ = xterm.Restore(int(d.in.Fd()), d.state) // fails only if the terminal is gone
	d.state = nil
	d.close()
}

// reveal turns the echo on for one visible answer; hide turns it off again if
// it was off.
func (d *device) reveal() (hide func()) {
	if d.state == nil {
		return func() {}
	}
	fd := int(d.in.Fd())
	_ = xterm.Restore(fd, d.state)
	return func() { _ = hideInput(fd) }
}

// say writes to the screen; a terminal that is gone shows in the next read.
func (d *device) say(s string) { _, _ = fmt.Fprintln(d.out, s) }

// prompt drops what was typed ahead, which was meant for another question if
// for any, and shows the question.
func (d *device) prompt(p string) {
	discardInput(int(d.in.Fd()))
	_, _ = fmt.Fprint(d.out, strings.Join(Wrap(Printable(p)+":", widthOf(d.out)-1, ""), "\n"), " ")
}

// secret reads a line into locked memory with the echo off.
func (c *Console) secret(d *device, prompt string) (*secret.Bytes, error) {
	line := secret.New(maxLine)
	n, err := c.hidden(d, prompt, line.Reveal())
	if err != nil {
		// The line is not wiped: an interrupted read still owns it, and
		// what had been typed was thrown away.
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	defer line.Wipe()
	return takeSecret(Printable(prompt), line.Reveal()[:n])
}

// hidden turns the echo off before the prompt appears, so that nothing typed
// at the prompt can show.
func (c *Console) hidden(d *device, prompt string, line []byte) (int, error) {
	signals := listen()
	defer interrupt.Stop(signals)
	if err := c.conceal(d); err != nil {
		return 0, fmt.Errorf("%s: terminal settings: %w", Printable(prompt), err)
	}
	defer keepOutput(int(d.in.Fd()))()
	d.prompt(prompt)
	defer d.say("")
	n, err := wait(prompt, signals, func() (int, error) { return wholeLine(readHidden(d.in, line)) })
	if err != nil {
		discardInput(int(d.in.Fd()))
	}
	return n, err
}

// answer reads a line with the echo on.
func (d *device) answer(prompt string) (string, error) {
	signals := listen()
	defer interrupt.Stop(signals)
	line := make([]byte, maxLine)
	defer d.reveal()()
	defer keepOutput(int(d.in.Fd()))()
	d.prompt(prompt)
	n, err := wait(prompt, signals, func() (int, error) {
		n, err := d.in.Read(line)
		return wholeLine(line[:n], err)
	})
	if err != nil {
		discardInput(int(d.in.Fd()))
		d.say("")
		return "", err
	}
	return strings.TrimRight(string(line[:n]), "\r\n"), nil
}

// wholeLine returns the length of a line that Enter ended.
func wholeLine(line []byte, err error) (int, error) {
	if n := len(line); err != nil || n == 0 || line[n-1] == '\n' {
		return n, err
	}
	return 0, errors.New("ended by Ctrl-D instead of Enter, so it was discarded")
}

func listen() chan os.Signal {
	signals := make(chan os.Signal, 1)
	interrupt.Notify(signals)
	return signals
}

// wait runs read until it returns or the person interrupts: a prompt must not
// outlive Ctrl-C, whoever else listens for the signal. The read of an
// interrupted prompt goes on in vain.
func wait(prompt string, signals <-chan os.Signal, read func() (int, error)) (int, error) {
	var n int
	var err error
	done := make(chan struct{})
	go func() {
		n, err = read()
		close(done)
	}()
	select {
	case <-signals:
		return 0, exitcode.Errorf(exitcode.Interrupted, "%s: interrupted", Printable(prompt))
	case <-done:
	}
	switch {
	case errors.Is(err, io.EOF):
		return 0, fmt.Errorf("%s: no answer", Printable(prompt))
	case err != nil:
		return 0, fmt.Errorf("%s: %w", Printable(prompt), durable.Cause(err))
	}
	return n, nil
}
