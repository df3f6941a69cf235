//go:build unix

package command_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/choice"
	"byok/internal/command"
	"byok/internal/term"
)

// TestMain lets the test binary play a program of its own: see signals_test.go.
func TestMain(m *testing.M) {
	if os.Getenv("COMMAND_TEST_ROLE") != "" {
		play()
		return
	}
	m.Run()
}

// text is a Result that is its own text.
type text string

func (t text) Print(w io.Writer) error {
	_, err := fmt.Fprintln(w, string(t))
	return err
}

func (t text) MarshalText() ([]byte, error) { return []byte(t), nil }

// program has commands of each kind, all of which do f: "change" is a step,
// "look" an action, "peek" a check; "key list" is in a group.
func program(f command.Func) *command.Program {
	p := &command.Program{
		Name: "byok-test", Version: "1.2.3", Usage: "what the tests run",
		Text:     "A session:\n\n    byok-test change --yes FILE",
		Console:  &term.Console{Program: "byok-test"},
		HSMFlags: []cli.Flag{&cli.BoolFlag{Name: "network", Usage: "let the HSM use the network"}},
	}
	flags := func() []cli.Flag {
		return []cli.Flag{
			&cli.StringFlag{Name: "module-path", Usage: "`LIBRARY` of the HSM"},
			&cli.StringFlag{Name: "vault", Usage: "`URL` of the vault", EnvVars: []string{"BYOK_TEST_VAULT"}},
			&cli.StringFlag{Name: "kek", Aliases: []string{"k"}, Usage: "`FILE` of the KEK"},
			&cli.StringSliceFlag{Name: "card", Aliases: []string{"c"}, Usage: "`DIR` of a card; once per card"},
			&cli.IntFlag{Name: "size", Usage: "`BITS` of the key", Value: 2048},
			&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
			&cli.StringFlag{Name: "color", Usage: "`COLOR` of it: red or blue"},
			&cli.DurationFlag{Name: "wait", Usage: "`TIME` to wait"},
			&cli.Float64Flag{Name: "rate", Usage: "`KEYS` a second"},
		}
	}
	p.Examples = map[string]string{"key make": "byok-test key make --ident contosokey --holder 'Alice Smith' --holder Bob"}
	p.Choices = map[string]choice.Choice{"color": {
		Words: []string{"red", "blue"},
		Also:  map[string]string{"crimson": "red", "darkblue": "blue"},
	}}
	p.Commands = []*cli.Command{
		{Name: "change", Usage: "a step of the procedure", ArgsUsage: "FILE …", Action: p.Step(f), Flags: flags()},
		{Name: "look", Usage: "a command that only looks", Action: p.Action(f), Flags: flags()},
		{Name: "peek", Usage: "a command that judges", Action: p.Check(f), Flags: flags()},
		{Name: "key", Usage: "a group of commands", Subcommands: []*cli.Command{
			{Name: "list", Usage: "list them (KeyTool -List)", Action: p.Action(f)},
			{Name: "make", Usage: "make one (new-key)", Action: p.Step(f), Description: "More about it.", Flags: []cli.Flag{
				&cli.StringFlag{Name: "ident", Usage: "`IDENT` of the key", Required: true},
				&cli.StringSliceFlag{Name: "holder", Usage: "`NAME` of its holder; once per card", Required: true},
				&cli.StringFlag{Name: "an-option-with-a-long-name", Usage: "`LIBRARY` of the HSM's vendor"},
			}},
		}},
	}
	return p
}

// answer is what a program leaves: status, stdout and stderr.
type answer struct {
	status   int
	out, err string
}

// run runs a program once.
func run(t *testing.T, p *command.Program, args ...string) answer {
	t.Helper()
	var out, err bytes.Buffer
	p.Console.Out, p.Console.Err = &out, &err
	status := p.Main(context.Background(), args)
	return answer{status, out.String(), err.String()}
}

// kmdata gives the test a kmdata folder, not made yet, and a home without one.
func kmdata(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kmdata")
	t.Setenv("BYOK_KMDATA", dir)
	t.Setenv("HOME", t.TempDir())
	return dir
}

// wantAnswer compares whole streams.
func wantAnswer(t *testing.T, name string, got, want answer) {
	t.Helper()
	if got.status != want.status {
		t.Errorf("%s: status %d, want %d", name, got.status, want.status)
	}
	if got.out != want.out {
		t.Errorf("%s: stdout\n%s\nwant\n%s", name, got.out, want.out)
	}
	if got.err != want.err {
		t.Errorf("%s: stderr\n%s\nwant\n%s", name, got.err, want.err)
	}
}

// wantUntouched is for what must not have been done: no log, no folder.
func wantUntouched(t *testing.T, name, dir string) {
	t.Helper()
	if _, err := os.Lstat(dir); err == nil {
		t.Errorf("%s: %s was made", name, dir)
	}
	if home, _ := os.ReadDir(os.Getenv("HOME")); len(home) > 0 {
		t.Errorf("%s: the home folder holds %v", name, home)
	}
}

// events reads the log, which must be good.
func events(t *testing.T, dir string) []ceremony.Event {
	t.Helper()
	r, err := ceremony.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r.Events
}

// last returns the last event, which must be the end of a command.
func last(t *testing.T, dir string) ceremony.Event {
	t.Helper()
	all := events(t, dir)
	if len(all) == 0 || all[len(all)-1].Phase != ceremony.End {
		t.Fatalf("the log ends with %+v", all)
	}
	return all[len(all)-1]
}

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Error(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
	}
}

// lines joins lines as they are printed.
func lines(l ...string) string { return strings.Join(l, "\n") + "\n" }

// clean takes out what differs from run to run.
func clean(s string) string {
	return regexp.MustCompile(`process \d+`).ReplaceAllString(s, "process N")
}
