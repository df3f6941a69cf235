package term

import (
	"bytes"
	"fmt"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/interrupt"
	"byok/internal/secret"
)

// Control sequences of ECMA-48, and of xterm for the alternate screen, which
// keeps no lines that have been scrolled away.
const (
	enterAlternate = "\x1b[?1049h\x1b[2J\x1b[H"
	leaveAlternate = "\x1b[2J\x1b[H\x1b[?1049l"
)

// ShowSecret shows the words of a secret to the one person who may see them:
// on the terminal's alternate screen, under heading, a line a word with its
// number, until they press Enter. Then the screen is cleared, and shows again
// what was on it before. prompt, one line, says what pressing Enter means.
//
// Without a terminal, and on one that cannot clear its screen (TERM is unset
// or "dumb"), it is Refused, and the hint names flag, the option that gives the
// secret in a file; Ctrl-C is Interrupted.
func (c *Console) ShowSecret(heading []string, words *secret.Bytes, prompt, flag string) error {
	d, err := c.openFor(exitcode.Refused, "show a secret to its holder", flag)
	if err != nil {
		return err
	}
	if !canClear() {
		d.release()
		return exitcode.Errorf(exitcode.Refused, "%s cannot clear a secret from its screen", kind()).
			Hint("give %s, or use another terminal", flag)
	}
	signals := listen()
	defer interrupt.Stop(signals)
	draw := func() {
		d.write([]byte(enterAlternate))
		d.show(heading, words)
		d.prompt(prompt)
	}
	err = d.enter(question{mode: showing, draw: draw, clear: func() { d.write([]byte(leaveAlternate)) }})
	if err != nil {
		d.release()
		return exitcode.Errorf(exitcode.Refused, "%s: %w", Printable(prompt), err)
	}
	c.conceal(d)
	defer d.leave()
	line := make([]byte, maxLine)
	_, err = wait(prompt, signals, func() (int, error) { return wholeLine(readLine(d.in, line)) })
	return exitcode.Mark(exitcode.Refused, err)
}

// show writes the words straight from locked memory.
func (d *device) show(heading []string, words *secret.Bytes) {
	for _, line := range heading {
		d.say(strings.Join(Wrap(Printable(line), widthOf(d.out), ""), "\n"))
	}
	d.say("")
	for i, word := range bytes.Fields(words.Reveal()) {
		d.write(fmt.Appendf(nil, "  %2d  ", i+1))
		d.write(word)
		d.say("")
	}
	d.say("")
}

func (d *device) write(b []byte) { _, _ = d.out.Write(b) }
