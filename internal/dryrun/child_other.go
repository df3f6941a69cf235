//go:build !unix

package dryrun

import "os/exec"

// withoutTerminal does nothing: there is no byok-offline for this system.
func withoutTerminal(*exec.Cmd) {}
