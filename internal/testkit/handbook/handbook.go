//go:build unix

// Package handbook holds everything that is to be read about the commands of a
// program to the commands: --help at several widths, the manual pages, the
// completions of four shells, the examples.
//
// It is for tests. [Check] runs all of it for one program.
package handbook

import (
	"context"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/manual"
	"byok/internal/runbook"
	"byok/internal/term"
)

// Check checks what there is to read about a program, of which each call of
// program makes another one.
func Check(t *testing.T, program func() *command.Program) {
	t.Helper()
	pages := program().Pages()
	t.Run("help", func(t *testing.T) { checkHelp(t, pages) })
	t.Run("options", func(t *testing.T) { checkOptions(t, program()) })
	t.Run("empty", func(t *testing.T) { checkEmpty(t, program, pages) })
	t.Run("manual", func(t *testing.T) { checkManual(t, pages) })
	t.Run("completion", func(t *testing.T) { checkCompletion(t, pages) })
	t.Run("misgiven", func(t *testing.T) { checkMisgiven(t, program, pages) })
	t.Run("retired names", func(t *testing.T) { checkRetiredNames(t, pages) })
	t.Run("examples", func(t *testing.T) { checkExamples(t, program, pages) })
}

// checkHelp: no line is longer than the terminal, and every option is there.
func checkHelp(t *testing.T, pages []manual.Page) {
	for _, width := range []int{40, 60, 80} {
		fit := 0
		for _, p := range pages {
			help := p.Help(width)
			if holdsAll(t, "help", help, p) && fits(t, p, help, width) {
				fit++
			}
		}
		t.Logf("help within %d columns: %d of %d", width, fit, len(pages))
	}
}

func fits(t *testing.T, p manual.Page, help string, width int) bool {
	for line := range strings.Lines(help) {
		line = strings.TrimSuffix(line, "\n")
		if term.Columns(line) > width || strings.TrimRight(line, " ") != line {
			t.Errorf("%s: wider than %d columns, or with a blank at its end: %q", p.Title(), width, line)
			return false
		}
	}
	return true
}

// holdsAll reports whether a text names every command and option of a page.
func holdsAll(t *testing.T, where, text string, p manual.Page) bool {
	all := true
	for _, c := range p.Commands {
		all = all && strings.Contains(text, c.Name)
	}
	for _, o := range p.Options() {
		all = all && strings.Contains(text, "-"+o.Names[0])
	}
	if !all {
		t.Errorf("%s: the %s does not name every command and option:\n%s", p.Title(), where, text)
	}
	return all
}

// checkOptions: an option's text is written so that help can be made of it.
func checkOptions(t *testing.T, program *command.Program) {
	values := map[string]bool{}
	for _, p := range program.Pages() {
		for _, g := range p.Groups {
			for _, o := range g.Options {
				checkOption(t, p.Title()+" --"+o.Names[0], g, o)
				if slices.Equal(o.Names, []string{"version", "v"}) {
					continue // the program's own, which stands for the command
				}
				takes, known := values[o.Names[0]]
				if known && takes != (o.Word != "") {
					t.Errorf("%s: it takes a value in one command and none in another", p.Title()+" --"+o.Names[0])
				}
				values[o.Names[0]] = o.Word != ""
			}
		}
	}
}

func checkOption(t *testing.T, name string, g manual.Group, o manual.Option) {
	switch {
	case g.Title == "other options":
		t.Errorf("%s: put it into a group, in package manual", name)
	case strings.Contains(o.Meaning, "`"):
		t.Errorf("%s: the placeholder comes first: %s", name, o.Meaning)
	case o.Word != "" && slices.Contains(strings.FieldsFunc(o.Meaning, notLetter), o.Word):
		t.Errorf("%s: the placeholder %s is said twice: %s", name, o.Word, o.Meaning)
	case strings.Count(o.Explained(), "default:") > 1:
		t.Errorf("%s: two defaults: %s", name, o.Explained())
	case o.Meaning == "" || strings.HasSuffix(o.Meaning, "."):
		t.Errorf("%s: a text without a full stop is expected: %q", name, o.Meaning)
	}
}

func notLetter(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') }

// checkExamples runs the worked line of every command as far as a command line
// is read, and each line of the program's own text as far as its command.
func checkExamples(t *testing.T, program func() *command.Program, pages []manual.Page) {
	t.Setenv("HOME", t.TempDir())
	right, all := 0, 0
	for _, p := range pages {
		if len(p.Commands) > 0 {
			continue
		}
		all++
		words := split(p.Example)
		switch {
		case len(words) < len(p.Path) || !slices.Equal(words[:len(p.Path)], p.Path):
			t.Errorf("%s: its example is %q", p.Title(), p.Example)
		case !understood(t, program(), words[1:]):
			t.Errorf("%s: not understood: %s", p.Title(), p.Example)
		default:
			right++
		}
	}
	t.Logf("examples that are understood: %d of %d", right, all)
}

var retiredName = regexp.MustCompile(`\(([A-Za-z].*)\)$`)

// checkRetiredNames: what was called otherwise by the retired tools is answered
// with today's name.
func checkRetiredNames(t *testing.T, pages []manual.Page) {
	right, all := 0, 0
	for _, p := range pages {
		name := retiredName.FindStringSubmatch(p.Summary)
		if name == nil || len(p.Path) == 1 {
			continue
		}
		all++
		line, old := runbook.Translate(strings.Fields(name[1]))
		if !old || line.Err != nil || line.Program != p.Path[0] || !slices.Equal(line.Words, p.Path[1:]) {
			t.Errorf("%s is %s %q today, %v", name[1], line.Program, line.Words, line.Err)
			continue
		}
		right++
	}
	t.Logf("names of the retired tools that are known: %d of %d", right, all)
}

// understood reports whether a command line reaches its command.
func understood(t *testing.T, p *command.Program, words []string) bool {
	reached := words[0] == "help"
	stub(p, p.Commands, func() { reached = true })
	var said strings.Builder
	p.Prepare = nil
	p.Console.Out, p.Console.Err = io.Discard, &said
	status := p.Main(context.Background(), words)
	if status != 0 {
		t.Errorf("status %d: %s", status, said.String())
	}
	return reached && status == 0
}

// stub has every command do nothing but note that it was reached.
func stub(p *command.Program, commands []*cli.Command, reached func()) {
	for _, c := range commands {
		stub(p, c.Subcommands, reached)
		if len(c.Subcommands) == 0 {
			c.Action = p.Action(func(*command.Run) (command.Result, error) {
				reached()
				return nil, nil
			})
		}
	}
}

// split reads a command line as sh does that has no more than quotes in it.
func split(line string) (words []string) {
	var quote rune
	for _, word := range strings.FieldsFunc(line, func(r rune) bool {
		switch {
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case r == quote:
			quote = 0
		}
		return r == ' ' && quote == 0
	}) {
		words = append(words, strings.Trim(word, `'"`))
	}
	return words
}
