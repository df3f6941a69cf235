package term

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const shownWords = "\x1b[?1049h\x1b[2J\x1b[H" + `For Alice alone: card \x1b[2J1` + `

   1  acid
   2  bonus
   3  crypt

press Enter when you have noted it: ` + "\x1b[2J\x1b[H\x1b[?1049l"

// TestShowSecret: the words are on the alternate screen, which is cleared
// however the holder leaves it; nothing that is typed shows.
func TestShowSecret(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for _, c := range []struct{ name, keys, want string }{
		{"Enter", "\n", "shown"},
		{"typed", "what is this\n", "shown"},
		{"Ctrl-C", "\x03", "status 130: press Enter when you have noted it: interrupted; hint: "},
		{"Ctrl-\\", "\x1c", "status 130: press Enter when you have noted it: interrupted; hint: "},
		{"Ctrl-D", "\x04", "status 6: press Enter when you have noted it: no answer; hint: "},
		{"Ctrl-Z is no way out", "\x1a\n", "shown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, "show", controlling)
			p.sees("noted it: ", 1)
			if p.echo() {
				t.Error("the echo is on while a secret is shown")
			}
			if p.settings().Cc[unix.VSUSP] != 0 { // the process is not a shell's job here, so the key does nothing
				t.Error("Ctrl-Z would leave the secret on the screen")
			}
			if p.settings().Lflag&unix.NOFLSH == 0 { // a race, which the test would win most of the time
				t.Error("Ctrl-C would have the kernel drop what clears the screen")
			}
			p.types(c.keys)
			p.ends(c.want, shownWords)
		})
	}
}

func TestShowSecretRefused(t *testing.T) {
	for _, c := range []struct {
		kind  string
		where terminalOf
		want  string
	}{
		{"dumb", controlling, "status 6: this terminal (TERM=dumb) cannot clear a secret from its screen; " +
			"hint: give --card-pin-file FILE, or use another terminal"},
		{"", controlling, "status 6: this terminal (TERM=) cannot clear a secret from its screen; " +
			"hint: give --card-pin-file FILE, or use another terminal"},
		{"xterm", none, "status 6: cannot show a secret to its holder: /dev/tty cannot be opened and " +
			"standard input is not a terminal; hint: give --card-pin-file FILE"},
	} {
		t.Setenv("TERM", c.kind)
		start(t, "show", c.where).ends(c.want, "")
	}
}

// TestWrappedOnATerminal: messages and questions break at words, a hint never.
func TestWrappedOnATerminal(t *testing.T) {
	p := start(t, "messages", standard, 40)
	p.sees("end: ", 1)
	p.types("x\n")
	seven := strings.Repeat("word ", 6) + "word"
	p.ends("x", "byok-offline: error: word word word word\n"+
		strings.Repeat("    "+seven+"\n", 3)+"    word word word word word \n"+
		"byok-offline: hint: "+strings.Repeat("word ", 30)+"\n"+
		strings.Repeat(seven+" word\n", 2)+"word word word word end: x\n")
}

// TestAskBelow: the page stays on the screen with the answer, whatever terminal it is.
func TestAskBelow(t *testing.T) {
	for _, kind := range []string{"xterm", "dumb"} {
		t.Setenv("TERM", kind)
		p := start(t, "below", controlling, 40)
		p.sees("the word: ", 1)
		p.types("acid\n")
		p.ends("acid", "a page\\x1b[2J of 40\nthe word: acid\n")
	}
}
