//go:build !linux || !(amd64 || arm64)

package unconfined

import (
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/exitcode"
)

const option = "unconfined"

// system is this one's name for people.
var system = strings.Replace(runtime.GOOS, "windows", "Windows", 1)

// Flags are the options of a command that loads a library or reads a secret:
// --unconfined, which says that whoever runs it knows what this system does not hold.
func Flags() []cli.Flag {
	return []cli.Flag{&cli.BoolFlag{
		Name:  option,
		Usage: "go on although " + system + " cannot confine the HSM's library; recorded",
	}}
}

// apply lets a command go on that has no --unconfined, or was given it.
func apply(r *command.Run, _ bool) error {
	confine.Harden()
	if !slices.ContainsFunc(r.Command.Flags, func(f cli.Flag) bool { return f.Names()[0] == option }) {
		return nil
	}
	missing := system + " does not hold: " + strings.Join(confine.Check().Missing(), ", ")
	if !r.Bool(option) {
		return exitcode.Errorf(exitcode.Refused, "%s loads an HSM's library or reads a secret, and %s",
			r.Event.Command, missing).
			Hint("hold the ceremony on Linux, or give --unconfined, which is recorded; byok-offline confine status")
	}
	r.Console.Warning("the HSM's library is not confined (--unconfined): %s; the ceremony log says so", missing)
	r.Event.AddNote(ceremony.NoteUnconfined, "by --unconfined: "+missing)
	return nil
}

func applyChild(bool) error {
	confine.Harden()
	return nil
}
