package term

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	xterm "golang.org/x/term"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// maxLine holds any line a terminal can hand over (N_TTY_BUF_SIZE in Linux),
// so that no rest of a secret is left for the shell to read.
const maxLine = 4096

// device is the terminal a question is asked on.
type device struct {
	in   *os.File
	out  io.Writer
	ours bool // opened here, to be closed here
}

func (c *Console) open() (*device, error) {
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
		return &device{tty, tty, true}, nil
	}
	if in, ok := terminal(c.In); ok {
		return &device{in, c.Err, false}, nil
	}
	return nil, errors.New("/dev/tty cannot be opened and standard input is not a terminal")
}

func (c *Console) openFor(prompt, flag string) (*device, error) {
	d, err := c.open()
	if err == nil {
		return d, nil
	}
	err = exitcode.Errorf(exitcode.Usage, "cannot ask for the %s: %w", Printable(prompt), err)
	if flag != "" {
		err = exitcode.Hint(err, "give %s", flag)
	}
	return nil, err
}

func (d *device) close() {
	if d.ours {
		_ = d.in.Close()
	}
}

// say writes to the screen; a terminal that is gone shows in the next read.
func (d *device) say(s string) { _, _ = fmt.Fprintln(d.out, s) }

func (d *device) prompt(p string) { _, _ = fmt.Fprintf(d.out, "%s: ", Printable(p)) }

// secret reads a line into locked memory with the echo off.
func (d *device) secret(prompt string) (*secret.Bytes, error) {
	line := secret.New(maxLine)
	n, err := d.hidden(prompt, line.Reveal())
	if err != nil {
		// The line is not wiped: an interrupted read still owns it, and
		// the terminal has thrown away what had been typed.
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	defer line.Wipe()
	return takeSecret(Printable(prompt), line.Reveal()[:n])
}

// hidden turns the echo off before the prompt appears, so that nothing typed
// at the prompt can show, and on again whatever happens.
func (d *device) hidden(prompt string, line []byte) (int, error) {
	interrupt := listen()
	defer signal.Stop(interrupt)
	fd := int(d.in.Fd())
	state, err := xterm.GetState(fd)
	if err == nil {
		err = hideInput(fd)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: terminal settings: %w", Printable(prompt), err)
	}
	defer d.say("")
	defer func() { _ = xterm.Restore(fd, state) }() // fails only if the terminal is gone
	d.prompt(prompt)
	return wait(prompt, interrupt, func() (int, error) { return readHidden(d.in, line) })
}

// answer reads a line with the echo on.
func (d *device) answer(prompt string) (string, error) {
	interrupt := listen()
	defer signal.Stop(interrupt)
	line := make([]byte, maxLine)
	d.prompt(prompt)
	n, err := wait(prompt, interrupt, func() (int, error) { return d.in.Read(line) })
	if err != nil {
		d.say("")
		return "", err
	}
	return strings.TrimRight(string(line[:n]), "\r\n"), nil
}

func listen() chan os.Signal {
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt, syscall.SIGTERM)
	return interrupt
}

// wait runs read until it returns or the person interrupts: a prompt must not
// outlive Ctrl-C, whoever else listens for the signal. The read of an
// interrupted prompt goes on in vain.
func wait(prompt string, interrupt <-chan os.Signal, read func() (int, error)) (int, error) {
	var n int
	var err error
	done := make(chan struct{})
	go func() {
		n, err = read()
		close(done)
	}()
	select {
	case <-interrupt:
		return 0, exitcode.Errorf(exitcode.Interrupted, "%s: interrupted", Printable(prompt))
	case <-done:
	}
	switch {
	case errors.Is(err, io.EOF):
		return 0, fmt.Errorf("%s: no answer", Printable(prompt))
	case err != nil:
		return 0, fmt.Errorf("%s: %w", Printable(prompt), cause(err))
	}
	return n, nil
}
