package term

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

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
	close func() // what was opened here

	mu      sync.Mutex
	held    bool // its settings are not those that were found
	found   settings
	resting bool // between two questions the echo stays off
	now     question
	unwatch func()
}

// question is what is on the screen of a terminal.
type question struct {
	mode  mode
	draw  func() // shows it, again after Ctrl-Z; nil between questions
	clear func() // takes a secret off the screen; nil where none is shown
}

// ErrNoAnswer is in the error of a question at which the terminal hung up, or
// Ctrl-D was pressed instead of an answer.
var ErrNoAnswer = errors.New("no answer")

// mode is how a terminal is set.
type mode int

const (
	asking  mode = iota // the echo is on
	hiding              // the echo is off
	showing             // the echo is off, and a secret is on the screen
)

// open returns the terminal: the one that has its echo off, or that of this process
// (/dev/tty), or standard input.
func (c *Console) open() (*device, error) {
	c.mu.Lock()
	d := c.concealed
	c.mu.Unlock()
	if d != nil {
		return d, nil
	}
	if in, out, err := openTerminal(); err == nil {
		return &device{in: in, out: out, close: func() { _, _ = in.Close(), out.Close() }}, nil
	}
	if in, ok := terminal(c.In); ok {
		return &device{in: in, out: c.Err, close: func() {}}, nil
	}
	return nil, errors.New(noTerminal)
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

// release lets go of a terminal whose echo is on.
func (d *device) release() {
	if !d.resting {
		d.close()
	}
}

// conceal keeps the echo off from now until Console.Restore: what is typed
// between two questions must not show either.
func (c *Console) conceal(d *device) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.resting, c.concealed = true, d
}

// Restore turns the echo on again that the first question for a secret turned
// off, and drops what was typed and not read. Call it when the conversation is
// over, however it ends; further calls are harmless.
func (c *Console) Restore() {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.concealed
	if d == nil {
		return
	}
	c.concealed, d.resting = nil, false
	d.leave()
	d.release()
}

// enter drops what was typed ahead, which was meant for another question if for
// any, and asks.
func (d *device) enter(q question) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	fd := int(d.in.Fd())
	if !d.held {
		found, err := settingsOf(fd)
		if err != nil {
			return fmt.Errorf("terminal settings: %w", err)
		}
		d.held, d.found = true, found
		d.watch()
	}
	if err := d.found.apply(fd, q.mode); err != nil {
		return fmt.Errorf("terminal settings: %w", err)
	}
	d.now = q
	discardInput(fd)
	q.draw()
	return nil
}

// leave ends a question. What was typed and not read is dropped: it is nothing
// for the shell.
func (d *device) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.held {
		return
	}
	fd := int(d.in.Fd())
	if d.now.clear != nil {
		d.now.clear()
	}
	d.now = question{mode: hiding}
	discardInput(fd)
	if d.resting {
		_ = d.found.apply(fd, hiding)
		return
	}
	d.unwatch()
	d.found.restore(fd)
	d.held = false
}

// uncover leaves the terminal to the shell for as long as this process is
// stopped: as it was found, without a secret, and without half an answer.
func (d *device) uncover() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.held {
		return
	}
	if d.now.clear != nil {
		d.now.clear()
	}
	discardInput(int(d.in.Fd()))
	d.found.restore(int(d.in.Fd()))
}

// again sets the terminal as it is to be, and repeats the question.
func (d *device) again() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.held {
		return
	}
	_ = d.found.apply(int(d.in.Fd()), d.now.mode)
	discardInput(int(d.in.Fd()))
	if d.now.draw != nil {
		d.now.draw()
	}
}

// say writes to the screen; a terminal that is gone shows in the next read.
func (d *device) say(s string) { _, _ = fmt.Fprintln(d.out, s) }

// prompt shows the question.
func (d *device) prompt(p string) {
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
	if err := d.enter(question{mode: hiding, draw: func() { d.prompt(prompt) }}); err != nil {
		return 0, fmt.Errorf("%s: %w", Printable(prompt), err)
	}
	c.conceal(d)
	defer d.leave()
	defer d.say("")
	return wait(prompt, signals, func() (int, error) { return wholeLine(readLine(d.in, line)) })
}

// plain is a question with a visible answer.
func (d *device) plain(prompt string) question {
	return question{mode: asking, draw: func() { d.prompt(prompt) }}
}

// answer reads a line with the echo on.
func (d *device) answer(prompt string, q question) (string, error) {
	signals := listen()
	defer interrupt.Stop(signals)
	line := make([]byte, maxLine)
	if err := d.enter(q); err != nil {
		return "", fmt.Errorf("%s: %w", Printable(prompt), err)
	}
	defer d.leave()
	n, err := wait(prompt, signals, func() (int, error) { return wholeLine(readLine(d.in, line)) })
	if err != nil {
		d.say("")
		return "", err
	}
	return visible(prompt, line[:n])
}

// maxAnswer is the longest visible answer in bytes: longer ones were pasted by
// mistake.
const maxAnswer = 1024

// visible refuses what no answer has.
func visible(prompt string, line []byte) (string, error) {
	text := strings.TrimRight(string(line), "\r\n")
	switch {
	case len(text) > maxAnswer:
		return "", fmt.Errorf("%s: over %d bytes", Printable(prompt), maxAnswer)
	case strings.ContainsFunc(text, isControl):
		return "", fmt.Errorf("%s: contains a control character, such as an arrow key's", Printable(prompt))
	}
	return text, nil
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
		return 0, fmt.Errorf("%s: %w", Printable(prompt), ErrNoAnswer)
	case err != nil:
		return 0, fmt.Errorf("%s: %w", Printable(prompt), durable.Cause(err))
	}
	return n, nil
}
