package main

import (
	"time"

	"byok/internal/approval"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/worlds"
)

// newKeeper reads the flags of worldFlags.
func newKeeper(r *command.Run) (worlds.Keeper, error) {
	given, err := hknsoOf(r)
	if err != nil {
		return worlds.Keeper{}, err
	}
	dir := r.String("config")
	if dir == "" {
		if dir, err = worlds.DefaultDir(); err != nil {
			return worlds.Keeper{}, err
		}
	}
	return worlds.Keeper{
		Store: worlds.NewStore(dir),
		Given: given,
		By:    r.Event.Operator,
		UI:    r.Console,
		Now:   time.Now,
	}, nil
}

// readPackage reads and verifies a transfer package whose world a person
// vouched for. look is for a command that writes nothing.
func readPackage(r *command.Run, path string, look bool) (approval.Package, error) {
	keeper, err := newKeeper(r)
	if err != nil {
		return approval.Package{}, err
	}
	keeper.Look = look
	p, err := approval.Read(path, keeper)
	if err == nil {
		r.Event.AddInput(path, p.SHA256())
	}
	return p, err
}

func hknsoOf(r *command.Run) (fingerprint.Prefix, error) {
	if !r.IsSet("hknso") {
		return fingerprint.Prefix{}, nil
	}
	given, err := worlds.Parse(r.String("hknso"))
	if err != nil {
		return given, exitcode.Errorf(exitcode.Usage, "--hknso: %w", err)
	}
	return given, nil
}
