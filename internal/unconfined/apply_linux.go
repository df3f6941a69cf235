//go:build amd64 || arm64

package unconfined

import (
	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/confine"
)

// Flags are the options of a command that loads a library or reads a secret: none
// here, where the kernel confines every one.
func Flags() []cli.Flag { return nil }

func apply(_ *command.Run, network bool) error { return confine.Apply(network) }

func applyChild(network bool) error { return confine.Apply(network) }
