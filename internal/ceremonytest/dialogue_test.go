//go:build linux

package ceremonytest

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"

	"byok/internal/fingerprint"
)

// converse runs a program on a pseudo-terminal: N FILE PROGRAM WORD…. Each line
// of FILE is a prompt, in normal form and without its last blank, " < " and what
// is typed when the screen ends with that prompt: @pin for the content of
// secrets/pin, @list for the first word of the list on the screen, @cell for the
// word of a fingerprint that is asked for, @drawn card1 for the seven words that
// were shown last, a secret from then on, @words $KEK for the first eight words of
// a hash, $KEK for a variable, ^C and ^D for the keys, and otherwise the text
// itself. The screen becomes stdout.
func converse(ts *testscript.TestScript, args []string) { conversation(ts, args, false) }

// watched is converse on a screen of 80 columns and 24 lines that can be cleared,
// on which everything has to fit. Its transcript becomes stdout.
func watched(ts *testscript.TestScript, args []string) { conversation(ts, args, true) }

func conversation(ts *testscript.TestScript, args []string, fits bool) {
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	s, p := of(ts), processOf(ts, args[2:])
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := p.command(ctx)
	if fits {
		cmd.Env = append(cmd.Env, "TERM=xterm")
	}
	screen, keyboard, err := onScreen(cmd)
	ts.Check(err)
	defer keyboard.Close()
	if fits {
		ts.Check(pty.Setsize(keyboard, &pty.Winsize{Rows: screenRows, Cols: screenColumns}))
	}
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		prompt, answer, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " < ")
		if !ok {
			ts.Fatalf("%s: %q is not a prompt, \" < \" and an answer", args[1], line)
		}
		if !screen.shows(func(shown string) bool { return strings.HasSuffix(s.normal(shown), prompt+" ") }) {
			cancel()
			ts.Fatalf("the prompt %q does not come; the screen is\n%s", prompt, screen.text())
		}
		_, err := keyboard.WriteString(s.typed(ts, screen, answer))
		ts.Check(err)
	}
	o := s.heard(p, cmd.Wait(), screen.text(), "")
	if fits {
		for _, line := range misfits(o.out) {
			ts.Fatalf("this does not fit a screen of %d columns and %d lines:\n%s", screenColumns, screenRows, line)
		}
		o.out = transcript(o.out)
	}
	s.print(ts, o)
	if o.status != status {
		ts.Fatalf("status %d, want %d", o.status, status)
	}
}

// typed is what the keys send; return is CR on a terminal.
func (s *stage) typed(ts *testscript.TestScript, shown *screen, answer string) string {
	switch {
	case answer == "@list":
		return regexp.MustCompile(`list of [0-9]+: ([A-Za-z-]+)`).FindStringSubmatch(shown.String())[1] + "\r"
	case strings.HasPrefix(answer, "@drawn "):
		drawn := regexp.MustCompile(`(?m)^ +[1-7]  ([a-z-]+)\r?$`).FindAllStringSubmatch(shown.String(), -1)
		var words []string
		for _, w := range drawn[len(drawn)-7:] {
			words = append(words, w[1])
		}
		passphrase := strings.Join(words, " ")
		s.secrets[strings.TrimPrefix(answer, "@drawn ")] = passphrase
		return passphrase + "\r"
	case strings.HasPrefix(answer, "@words "): // the first eight of a hash
		sum, err := fingerprint.Parse(ts.Getenv(strings.TrimPrefix(answer, "@words $")))
		ts.Check(err)
		return sum.FirstWords(8) + "\r"
	case answer == "@cell":
		return cellOf(shown.String()) + "\r"
	case strings.HasPrefix(answer, "$"):
		return ts.Getenv(answer[1:]) + "\r"
	case answer == "^C":
		return "\x03"
	case answer == "^D":
		return "\x04"
	case strings.HasPrefix(answer, "@"):
		return s.secrets[answer[1:]] + "\r"
	}
	return answer + "\r"
}

// cellOf is the word that the last question on a screen asks for, of the
// fingerprint above it.
func cellOf(shown string) string {
	asked := regexp.MustCompile(`type the word in row ([1-8]), (first|second|third|fourth)\s+column`).
		FindAllStringSubmatch(shown, -1)
	if len(asked) == 0 {
		return ""
	}
	row, column := asked[len(asked)-1][1], asked[len(asked)-1][2]
	lines := regexp.MustCompile(`(?m)^`+row+`  (\S+) +(\S+)\s+(\S+) +(\S+)\r?$`).FindAllStringSubmatch(shown, -1)
	words := lines[len(lines)-1]
	return words[slices.Index([]string{"first", "second", "third", "fourth"}, column)+1]
}

// screen collects what a program writes to its terminal.
type screen struct {
	lockedBuffer
	ended chan struct{}
	seen  int // how much had been shown at the last prompt
}

// promptPatience is how long a prompt may take to come.
const promptPatience = 30 * time.Second

// onScreen starts cmd with a new pseudo-terminal as its controlling terminal,
// standard input, output and error.
func onScreen(cmd *exec.Cmd) (*screen, *os.File, error) {
	keyboard, terminal, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer terminal.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := start(cmd); err != nil {
		return nil, nil, errors.Join(err, keyboard.Close())
	}
	c := &screen{ended: make(chan struct{})}
	go c.fill(keyboard)
	return c, keyboard, nil
}

// fill ends with EIO, once the last process has closed the terminal.
func (c *screen) fill(keyboard io.Reader) {
	_, _ = io.Copy(&c.lockedBuffer, keyboard)
	close(c.ended)
}

// shows waits until the screen ends with a prompt that was not there before.
func (c *screen) shows(asks func(shown string) bool) bool {
	for end := time.Now().Add(promptPatience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if shown := c.String(); len(shown) > c.seen && asks(shown) {
			c.seen = len(shown)
			return true
		}
	}
	return false
}

// text is the screen with the line ends of a file.
func (c *screen) text() string {
	<-c.ended
	return strings.ReplaceAll(c.String(), "\r\n", "\n")
}
