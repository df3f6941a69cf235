//go:build unix

package command_test

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"byok/internal/command"
	"byok/internal/planned"
)

// TestLend: while a child has the terminal, two signals end nothing and say nothing;
// the command's context ends, and afterwards the program is as before.
func TestLend(t *testing.T) {
	kmdata(t)
	got := run(t, program(func(r *command.Run) (command.Result, error) {
		r.Lend(func() {
			for range 2 {
				_ = syscall.Kill(syscall.Getpid(), syscall.SIGINT)
				<-r.Context.Done()
			}
			time.Sleep(1200 * time.Millisecond) // longer than a command may go on in silence
		})
		return nil, r.Context.Context.Err()
	}), "peek")
	wantAnswer(t, "lent", got, answer{130, lines("Result: FAILURE"), lines("byok-test: error: context canceled")})
}

// TestNames: what a line names, without the plan being read.
func TestNames(t *testing.T) {
	for line, want := range map[string]string{
		"key list":                               "key list",
		"--output json key list --plan p":        "key list",
		"--kmdata key key make --ident 'a":       "key make",
		"look --card /media/a -- key list":       "look",
		"key":                                    "key",
		"kye list":                               "",
		"":                                       "",
		"key make --help":                        "key make",
		"key list --no-such-option --plan plan1": "key list",
	} {
		p := program(given)
		p.Planned = func(string, string) (*planned.Plan, error) {
			t.Errorf("%s: the plan was read", line)
			return nil, nil
		}
		if got := p.Names(strings.Fields(line)); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
		if p.Planned == nil {
			t.Errorf("%s: the program reads no plan any more", line)
		}
	}
}

// TestPassed: what was given on the command line goes on to a command that takes it.
func TestPassed(t *testing.T) {
	t.Setenv("BYOK_TEST_VAULT", "https://from.environment")
	for _, c := range []struct{ name, args, line, want string }{
		{"each that is taken", "look --card /a --card /b,c --kek f --yes --plan p", "change --card /x", "--kek=f --card=/a --card=/b,c --yes=true"},
		{"a command in a group takes fewer", "look --card /a --yes --kmdata /k", "key list", "--kmdata=/k"},
		{"not what a variable gives", "look", "change", ""},
		{"but what is given besides", "look --vault https://typed", "change", "--vault=https://typed"},
		{"no such command", "look --yes", "chance", ""},
	} {
		p := program(func(r *command.Run) (command.Result, error) {
			got := r.Passed(strings.Fields(c.line), []string{"plan"})
			want := strings.Fields(c.want)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q", c.name, got)
			}
			return nil, nil
		})
		if got := run(t, p, strings.Fields(c.args)...); got.status != 0 {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
