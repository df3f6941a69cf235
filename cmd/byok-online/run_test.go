package main

import (
	"slices"
	"strings"
	"testing"

	"byok/internal/rehearsal"
	practice "byok/internal/testkit/serve"
)

// TestOfItsVault: of several rehearsal vaults' folders a command gets that of its own.
func TestOfItsVault(t *testing.T) {
	first, one := practice.Rehearsal(t, rehearsal.Config{})
	second, two := practice.Rehearsal(t, rehearsal.Config{})
	for _, c := range []struct{ name, line, options, want string }{
		{"the first", "kek create --vault " + first.URL, "--rehearsal=" + one + " --rehearsal=" + two, "--rehearsal=" + one},
		{"the second, and another option", "kek create --vault " + second.URL,
			"--debug=true --rehearsal=" + one + " --rehearsal=" + two, "--debug=true --rehearsal=" + two},
		{"no vault is named", "ceremony verify --vault", "--rehearsal=" + one, "--rehearsal=" + one},
		{"a folder that is none is for the command to refuse", "kek create --vault " + first.URL, "--rehearsal=/none", "--rehearsal=/none"},
	} {
		if got := ofItsVault(strings.Fields(c.line), strings.Fields(c.options)); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
