package main

import (
	"strings"
	"testing"

	"byok/internal/command"
	"byok/internal/testkit/hostile"
)

// TestHostileWords gives hostile text as a command, an option, its value and
// an argument of every command.
func TestHostileWords(t *testing.T) {
	hostile.Words(t, func() *command.Program {
		p := program(strings.NewReader(""), nil, nil)
		p.Prepare = nil // the kernel would refuse things to the tests that follow
		return p
	})
}
