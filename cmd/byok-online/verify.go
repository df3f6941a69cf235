package main

import (
	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/uploadoptions"
	"byok/internal/vault"
	"byok/internal/verification"
)

func verifyCommand(p *command.Program) *cli.Command {
	s := verification.Station{
		Keeper:    newKeeper,
		Connect:   func(r *command.Run) (*vault.Client, error) { return clientOf(connectOnly(r)) },
		ConnectTo: connectTo,
		PublicKey: uploadoptions.PublicKey,
	}
	step := func(f command.Func) cli.ActionFunc { return p.Step(command.WithoutFiles(debuggable(f))) }
	return s.Command(p, step, append(worldFlags(), severalRehearsals(vaultFlags())...))
}
