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

// checkEmpty gives every option of every command an empty value, in both ways
// of writing it: each is refused by its name, before the command is reached.
func checkEmpty(t *testing.T, program func() *command.Program, pages []manual.Page) {
	t.Setenv("HOME", t.TempDir())
	refused, all := 0, 0
	for _, p := range pages {
		if len(p.Commands) > 0 || p.Path[1] == "help" {
			continue
		}
		for _, o := range p.Options() {
			for _, words := range emptyOf(o) {
				all++
				if refusesEmpty(t, program(), slices.Concat(p.Path[1:], words), p, "--"+o.Names[0]) {
					refused++
				}
			}
		}
	}
	t.Logf("empty values that are refused: %d of %d", refused, all)
}

// emptyOf are the ways to give an option an empty value.
func emptyOf(o manual.Option) [][]string {
	name := "--" + o.Names[0]
	switch {
	case name == "--help" || name == "--version":
		return nil
	case o.Word == "": // it takes no value
		return [][]string{{name + "="}}
	}
	return [][]string{{name + "="}, {name, ""}}
}

func refusesEmpty(t *testing.T, p *command.Program, words []string, page manual.Page, name string) bool {
	reached := false
	stub(p, p.Commands, func() { reached = true })
	var said strings.Builder
	p.Prepare = nil
	p.Console.Out, p.Console.Err = io.Discard, &said
	status := p.Main(context.Background(), words)
	want := p.Name + ": error: " + strings.Join(page.Path[1:], " ") + ": " + name + " is empty\n"
	if reached || status != 2 || !strings.HasPrefix(said.String(), want) {
		t.Errorf("%q: reached %v, status %d: %swant %s", words, reached, status, said.String(), want)
		return false
	}
	return true
}
