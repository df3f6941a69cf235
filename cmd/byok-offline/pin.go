package main

import (
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/hsm"
	"byok/internal/preflight"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/world"
	"slices"

	"github.com/urfave/cli/v2"
)

func pinCommands(p *command.Program) []*cli.Command {
	return []*cli.Command{
		{
			Name:   "reset-pin",
			Usage:  "set a new user PIN, with a quorum of cards",
			Action: p.Step(onModule(resetPIN)),
			Flags: command.Require(slices.Concat([]cli.Flag{modulePathFlag(), newPINFileFlag()},
				dialogue.SessionFlags()), "card"),
		},
		{
			Name: "change-pin", Usage: "change the user PIN", Action: p.Step(onModule(changePIN)),
			Flags: []cli.Flag{modulePathFlag(), pinFileFlag(), newPINFileFlag()},
		},
	}
}

func newPINFileFlag() cli.Flag {
	return text("new-pin-file", "`FILE` with the new user PIN in its first line (default: asked for)")
}

func resetPIN(f *preflight.Facts, station *session.Station) (command.Result, error) {
	if err := station.MayResetPIN(); err != nil {
		return nil, err
	}
	f.Ready(station.Module)
	var next *secret.Bytes
	if !station.Module.Traits().UserPIN { // theirs is set again
		var err error
		if next, err = f.UI.NewUserPIN("new-pin-file", station.Token, ""); err != nil {
			return nil, err
		}
		defer next.Wipe()
	}
	return inSession(f, station, f.UI, f.Media, func(s *session.Quorum) (command.Result, error) {
		return nil, world.Quorum{Quorum: s}.ResetPIN(next)
	})
}

func changePIN(f *preflight.Facts, station *session.Station) (command.Result, error) {
	if err := station.MayChangePIN(); err != nil {
		return nil, err
	}
	f.Ready(station.Module)
	session.Announce(f.UI, station.Token, hsm.RoleUser)
	old, err := f.UI.UserPIN(station.Token)
	if err != nil {
		return nil, err
	}
	defer old.Wipe()
	next, err := f.UI.NewUserPIN("new-pin-file", station.Token, "")
	if err != nil {
		return nil, err
	}
	defer next.Wipe()
	return nil, station.ChangePIN(old, next)
}
