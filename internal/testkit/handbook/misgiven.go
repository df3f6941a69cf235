//go:build unix

package handbook

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"byok/internal/command"
	"byok/internal/manual"
)

// misgiven is a wrong way to give an option, and what is said of it.
type misgiven struct {
	how   string
	words func(o manual.Option) []string // nil where an option cannot be given so
	says  func(name string) string       // behind the command's name
}

func misgivens() []misgiven {
	return []misgiven{
		{"mistyped", mistyped, func(name string) string { return "unknown option " + name + name[len(name)-1:] }},
		{"twice", twice, func(name string) string { return name + " is given twice" }},
		{"without a value", valueless, func(name string) string { return name + " needs a value" }},
	}
}

// mistyped doubles the last letter of an option's name.
func mistyped(o manual.Option) []string {
	name := o.Names[0]
	return []string{"--" + name + name[len(name)-1:]}
}

func twice(o manual.Option) []string {
	name := "--" + o.Names[0]
	switch {
	case o.Repeated || name == "--help":
		return nil
	case o.Word == "":
		return []string{name, name}
	case len(o.Values) > 0:
		return []string{name, o.Values[0], name, o.Values[0]}
	case o.Word == "TIME" || o.Word == "DURATION":
		return []string{name, "1s", name, "1s"}
	}
	return []string{name, "1", name, "1"}
}

func valueless(o manual.Option) []string {
	if o.Word == "" {
		return nil
	}
	return []string{"--" + o.Names[0]}
}

// checkMisgiven gives every option of every command wrong in every way: each is
// refused by its name before the command is reached. Of a mistyped one, the hint
// is the option that was meant, or help where two are as near.
func checkMisgiven(t *testing.T, program func() *command.Program, pages []manual.Page) {
	t.Setenv("HOME", t.TempDir())
	for _, m := range misgivens() {
		refused, all := 0, 0
		for _, p := range pages {
			if len(p.Commands) > 0 || p.Path[1] == "help" {
				continue
			}
			for _, o := range p.Options() {
				words := m.words(o)
				if words == nil {
					continue
				}
				all++
				if m.isRefused(t, program(), p, o, words) {
					refused++
				}
			}
		}
		t.Logf("options given %s that are refused: %d of %d", m.how, refused, all)
	}
}

func (m misgiven) isRefused(t *testing.T, p *command.Program, page manual.Page, o manual.Option, words []string) bool {
	reached := false
	stub(p, p.Commands, func() { reached = true })
	var said strings.Builder
	p.Prepare = nil
	p.Console.Out, p.Console.Err = io.Discard, &said
	status := p.Main(context.Background(), slices.Concat(page.Path[1:], words))
	name := "--" + o.Names[0]
	want := p.Name + ": error: " + strings.Join(page.Path[1:], " ") + ": " + m.says(name) + "\n" +
		p.Name + ": hint: " + page.Title() + " "
	hint := strings.TrimSuffix(strings.TrimPrefix(said.String(), want), "\n")
	if reached || status != 2 || hint != name && hint != "--help" {
		t.Errorf("%q: reached %v, status %d: %swant %s", words, reached, status, said.String(), want)
		return false
	}
	return true
}
