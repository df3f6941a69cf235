package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/rehearsal"
	"byok/internal/script"
	"byok/internal/shared"
)

// heldCommands are the commands by which a ceremony is held at this workstation. The
// options of ceremony run say who signs in, and where a rehearsal's vaults are.
func heldCommands(p *command.Program) []*cli.Command {
	return shared.Held(p, script.Connected, ofItsVault, with(signInFlags(),
		&cli.StringSliceFlag{Name: "rehearsal", Usage: "`DIR` of a rehearsal vault, for each of the plan's vaults"},
		&cli.BoolFlag{Name: "test-vault", Usage: "accept any vault address, such as an emulator's"},
	)...)
}

// ofItsVault leaves, of several rehearsal vaults' folders, that of the vault which a
// command line names.
func ofItsVault(line, options []string) []string {
	at := slices.Index(line, "--vault")
	return slices.DeleteFunc(options, func(o string) bool {
		dir, found := strings.CutPrefix(o, "--rehearsal=")
		if !found || at < 0 || at+1 == len(line) {
			return false
		}
		vault, err := rehearsal.Open(dir)
		return err == nil && vault.URL != line[at+1]
	})
}
