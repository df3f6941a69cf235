package main

import (
	"fmt"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/world"
)

func tokenOptions(r *command.Run) error {
	if r.Bool("adopt") && r.Bool("initialize") {
		return exitcode.Errorf(exitcode.Usage,
			"--adopt keeps a token as it is and --initialize destroys what is on it: give only one")
	}
	if r.IsSet("so-pin-file") && !r.Bool("adopt") && !r.Bool("initialize") {
		return exitcode.Errorf(exitcode.Usage,
			"--so-pin-file is for --adopt and --initialize: a free token's SO PIN is derived from the cards")
	}
	return nil
}

// tokenChoice says what to do with an initialised token, and asks what that takes.
func tokenChoice(r *command.Run) world.TokenChoice {
	return world.TokenChoice{
		Adopt: r.Bool("adopt"), Initialize: r.Bool("initialize"),
		SOPIN: func(t hsm.Token) (*secret.Bytes, error) {
			return r.Secret("so-pin-file", fmt.Sprintf("present SO PIN of %v", t))
		},
		Confirm: func(t hsm.Token) error {
			r.Event.AddNote("initialised again", t.String())
			return r.Console.Confirm(fmt.Sprintf("everything on %v will be destroyed", t), t.Serial)
		},
	}
}
