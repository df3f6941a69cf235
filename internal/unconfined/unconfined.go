// Package unconfined is what byok-offline does before a command: it has the system
// confine the process (package confine), or, where the system has nothing to confine
// it with, such as Windows, asks for --unconfined where that matters, and records it.
//
// Put [Prepare] into a program's Prepare, and call [Child] first in the second
// process. On Linux there is no --unconfined and no way past the filter: a process
// that is not confined goes no further. Elsewhere a command that neither loads a
// library nor reads a secret needs no option; every other one takes [Flags], and is
// refused without it.
package unconfined

import (
	"os"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/secondproc"
)

// Prepare confines the process, or refuses the command; see [Flags]. Call it before
// any HSM library is loaded. --hsm-network and --unconfined are notes of the
// command's event.
func Prepare(r *command.Run) error {
	network := r.Bool("hsm-network")
	if network {
		r.Console.Warning("the HSM's library may use the network (--hsm-network); the ceremony log says so")
		r.Event.AddNote("network", "allowed for the HSM's library by --hsm-network")
		if err := os.Setenv(secondproc.NetworkVariable, "1"); err != nil {
			return err
		}
	}
	return apply(r, network)
}

// Child confines the second process as far as the first is confined.
func Child() error { return applyChild(os.Getenv(secondproc.NetworkVariable) == "1") }

// NetworkFlag is --hsm-network.
func NetworkFlag() cli.Flag {
	return &cli.BoolFlag{
		Name:  "hsm-network",
		Usage: "let the HSM's library use the network, for a network-attached HSM; recorded",
	}
}
