package main

import (
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/hsm"
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
			Action: p.Step(resetPIN),
			Flags: command.Require(slices.Concat([]cli.Flag{modulePathFlag(), newPINFileFlag()},
				dialogue.SessionFlags()), "card"),
		},
		{
			Name: "change-pin", Usage: "change the user PIN", Action: p.Step(changePIN),
			Flags: []cli.Flag{modulePathFlag(), pinFileFlag(), newPINFileFlag()},
		},
	}
}

func newPINFileFlag() cli.Flag {
	return text("new-pin-file", "`FILE` with the new user PIN in its first line (default: asked for)")
}

func resetPIN(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	return withQuorum(r, nil, func(s *session.Quorum) (command.Result, error) {
		if s.Module.Traits().UserPIN { // theirs is set again
			return nil, world.Quorum{Quorum: s}.ResetPIN(nil)
		}
		next, err := dialogue.New(r, s.Chain.Rehearsal()).NewUserPIN("new-pin-file", s.Token, "")
		if err != nil {
			return nil, err
		}
		defer next.Wipe()
		return nil, world.Quorum{Quorum: s}.ResetPIN(next)
	})
}

func changePIN(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	station, u, err := connect(r)
	if err != nil {
		return nil, err
	}
	defer station.Close()
	session.Announce(u, station.Token, hsm.RoleUser)
	old, err := u.UserPIN(station.Token)
	if err != nil {
		return nil, err
	}
	defer old.Wipe()
	next, err := u.NewUserPIN("new-pin-file", station.Token, "")
	if err != nil {
		return nil, err
	}
	defer next.Wipe()
	return nil, world.ChangePIN(station, old, next)
}
