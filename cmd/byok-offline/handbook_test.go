package main

import (
	"strings"
	"testing"

	"byok/internal/command"
	"byok/internal/testkit/handbook"
)

// TestHandbook holds help, manual pages, completions and examples to the commands.
func TestHandbook(t *testing.T) {
	handbook.Check(t, func() *command.Program { return program(strings.NewReader(""), nil, nil) })
}
