//go:build unix

package command_test

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/term"
)

// exact is a text that is for another program to read.
type exact struct{ text }

func (exact) Exact() {}

const hexGroups = "00112233 44556677 8899aabb ccddeeff 00112233 44556677 8899aabb ccddeeff"

// TestScreen: help, results and messages fit on the terminal that they are
// printed to, a hint and what is exact stay whole, and nothing but text is
// printed, whatever terminal it is.
func TestScreen(t *testing.T) {
	kmdata(t)
	const wide = "SHA-256  " + hexGroups
	result := func(*command.Run) (command.Result, error) {
		err := exitcode.Errorf(exitcode.Check, "%s", strings.TrimSpace(strings.Repeat("word ", 30)))
		return text(wide), exitcode.Hint(err, "%s", strings.Repeat("x", 90))
	}
	whole := func(*command.Run) (command.Result, error) { return exact{text(wide)}, nil }
	for _, c := range []struct {
		name      string
		columns   uint16
		line      string
		f         command.Func
		widest    int
		whole     string // a line that is not broken
		variables []string
	}{
		{"help, 40", 40, "key make --help", result, 40, "", nil},
		{"help, 80", 80, "key make --help", result, 80, "", nil},
		{"help, 200", 200, "key make --help", result, 80, "", nil},
		{"help of the program, 40", 40, "", result, 40, "", nil},
		{"help without colours", 80, "--help", result, 80, "", []string{"NO_COLOR=1", "TERM=xterm-256color"}},
		{"help on a dumb terminal", 40, "--help", result, 40, "", []string{"TERM=dumb"}},
		{"help on an unknown one", 40, "--help", result, 40, "", []string{"TERM="}},
		{"result, 40", 40, "look", result, 40, "byok-test: hint: " + strings.Repeat("x", 90), nil},
		{"result, 80", 80, "look", result, 80, wide, nil},
		{"result, 200", 200, "look", result, 80, wide, nil},
		{"exact, 40", 40, "look", whole, 40, wide, nil},
	} {
		for _, v := range c.variables {
			name, value, _ := strings.Cut(v, "=")
			t.Setenv(name, value)
		}
		got := screen(t, program(c.f), c.columns, strings.Fields(c.line))
		if strings.Contains(got, "\x1b") || c.whole != "" && !strings.Contains(got, c.whole+"\r\n") {
			t.Errorf("%s: %q", c.name, got)
		}
		for line := range strings.Lines(got) {
			line = strings.TrimRight(line, "\r\n")
			if term.Columns(line) > c.widest && line != c.whole && !strings.HasPrefix(line, "byok-test: hint: ") {
				t.Errorf("%s: wider than %d: %q", c.name, c.widest, line)
			}
		}
	}
}

// screen runs a program on a terminal of so many columns, and returns all that
// it printed there.
func screen(t *testing.T, p *command.Program, columns uint16, args []string) string {
	t.Helper()
	keyboard, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer keyboard.Close()
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	all := make(chan string)
	go func(in *os.File) {
		data, _ := io.ReadAll(in) // ends with an error when the terminal is closed
		all <- string(data)
	}(keyboard)
	p.Console.Out, p.Console.Err = terminal, terminal
	p.Main(context.Background(), args)
	_ = terminal.Close()
	return <-all
}
