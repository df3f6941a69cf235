package term

import (
	"errors"
	"fmt"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// attempts is how often NewPassword asks before it gives up.
const attempts = 3

// Interactive reports whether a person can be asked: this process has a terminal, or
// In is one.
func (c *Console) Interactive() bool {
	d, err := c.open()
	if err != nil {
		return false
	}
	d.release()
	return true
}

// Password asks for a secret with the echo off, which stays off until
// [Console.Restore]: what is typed between two questions does not show either,
// and what was typed before the question is not taken. The prompt names the
// device or card it is for; ": " is added. flag is the option that gives the
// secret without a terminal ("--pin-file FILE"), named in the hint. No
// terminal, an empty answer, one that Enter did not end, one with a control
// character and one over 1 KiB are Usage errors; Ctrl-C is Interrupted.
func (c *Console) Password(prompt, flag string) (*secret.Bytes, error) {
	d, err := c.openFor(exitcode.Usage, "ask for the "+prompt, flag)
	if err != nil {
		return nil, err
	}
	defer d.release()
	return c.secret(d, prompt)
}

// NewPassword asks for a secret twice and returns it once both are the same,
// after at most three rounds. Its errors are those of Password.
func (c *Console) NewPassword(prompt, flag string) (*secret.Bytes, error) {
	d, err := c.openFor(exitcode.Usage, "ask for the "+prompt, flag)
	if err != nil {
		return nil, err
	}
	defer d.release()
	for i := range attempts {
		if i > 0 {
			d.say("entries do not match, try again")
		}
		s, err := c.secretTwice(d, prompt)
		if !errors.Is(err, errDiffer) {
			return s, err
		}
	}
	return nil, exitcode.Errorf(exitcode.Usage, "%s: the two answers differed %d times", Printable(prompt), attempts)
}

var errDiffer = errors.New("the two answers differ")

func (c *Console) secretTwice(d *device, prompt string) (*secret.Bytes, error) {
	first, err := c.secret(d, prompt)
	if err != nil {
		return nil, err
	}
	second, err := c.secret(d, prompt+", again")
	defer second.Wipe()
	if err == nil && !first.Equal(second) {
		err = errDiffer
	}
	if err != nil {
		first.Wipe()
		return nil, err
	}
	return first, nil
}

// Enter waits until a person presses Enter. What is typed before does not show,
// and is dropped. Its errors are those of Password.
func (c *Console) Enter(prompt string) error {
	d, err := c.openFor(exitcode.Usage, "wait for a person", "")
	if err != nil {
		return err
	}
	defer d.release()
	line := secret.New(maxLine)
	if _, err := c.hidden(d, prompt, line.Reveal()); err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	line.Wipe()
	return nil
}

// Ask asks for a line of text and returns it without surrounding blanks; it
// may be empty. flag and errors are those of Password.
func (c *Console) Ask(prompt, flag string) (string, error) {
	d, err := c.openFor(exitcode.Usage, "ask for the "+prompt, flag)
	if err != nil {
		return "", err
	}
	defer d.release()
	answer, err := d.answer(prompt, d.plain(prompt))
	return strings.TrimSpace(answer), exitcode.Mark(exitcode.Usage, err)
}

// AskAlone is Ask about what stands alone on a cleared screen: page lays that out
// for the columns of the terminal. Afterwards the screen shows again what was on
// it. A terminal that cannot clear its screen (TERM is unset or "dumb") shows the
// page below what was there.
func (c *Console) AskAlone(page func(width int) []string, prompt, flag string) (string, error) {
	return c.askPage(page, prompt, flag, canClear())
}

// AskBelow is Ask below a page, which page lays out for the columns of the terminal
// and which stays on the screen with the answer. After Ctrl-Z both are shown again.
func (c *Console) AskBelow(page func(width int) []string, prompt, flag string) (string, error) {
	return c.askPage(page, prompt, flag, false)
}

func (c *Console) askPage(page func(width int) []string, prompt, flag string, alone bool) (string, error) {
	d, err := c.openFor(exitcode.Usage, "ask for the "+prompt, flag)
	if err != nil {
		return "", err
	}
	defer d.release()
	q := question{mode: asking, draw: func() {
		if alone {
			d.write([]byte(enterAlternate))
		}
		for _, line := range page(widthOf(d.out)) {
			d.say(Printable(line))
		}
		d.prompt(prompt)
	}}
	if alone {
		q.clear = func() { d.write([]byte(leaveAlternate)) }
	}
	answer, err := d.answer(prompt, q)
	return strings.TrimSpace(answer), exitcode.Mark(exitcode.Usage, err)
}

// Confirm asks the question and returns nil only if the word is typed exactly.
// Any other answer is a Refused error, and so is a missing terminal.
func (c *Console) Confirm(question, word string) error {
	d, err := c.open()
	if err != nil {
		return exitcode.Errorf(exitcode.Refused, "not confirmed: %w", err)
	}
	defer d.release()
	prompt := fmt.Sprintf("%s (type %q to continue)", question, word)
	answer, err := d.answer(prompt, d.plain(prompt))
	if err != nil {
		return exitcode.Mark(exitcode.Refused, err)
	}
	if answer != word {
		return exitcode.Errorf(exitcode.Refused, "not confirmed: the answer was not %q", word)
	}
	return nil
}
