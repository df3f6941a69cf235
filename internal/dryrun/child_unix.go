//go:build unix

package dryrun

import (
	"os/exec"
	"syscall"
)

// withoutTerminal gives a process a session of its own, which has no terminal.
func withoutTerminal(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
