// Command byok-offline runs on the disconnected workstation beside the HSM: it
// creates the security world, generates keys, reduces their permissions and
// packages them for the vault's key exchange key. It holds no networking code.
package main

import (
	"os"

	"byok/internal/confine"
	"byok/internal/exitcode"
	"byok/internal/runbook"
	"byok/internal/secondproc"
	"byok/internal/supervisor"
)

func main() {
	released()
	if secondproc.IsChild(os.Args) {
		os.Exit(child())
	}
	os.Exit(supervisor.Main(program, runbook.Words(os.Args)))
}

// child is the second process of a probe: confined as this one is.
func child() int {
	if err := confine.Apply(os.Getenv(secondproc.NetworkVariable) == "1"); err != nil {
		return int(exitcode.Of(err))
	}
	return secondproc.Child(os.Stdin, os.Stdout)
}
