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
	hostile.Words(t, func() *command.Program { return program(strings.NewReader(""), nil, nil) })
}
