// Command byok-offline runs on the disconnected workstation beside the HSM: it
// creates the security world, generates keys, reduces their permissions and
// packages them for the vault's key exchange key. It holds no networking code.
package main

import (
	"context"
	"os"
	"slices"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/runbook"
	"byok/internal/secondproc"
	"byok/internal/shared"
	"byok/internal/supervisor"
	"byok/internal/unconfined"
)

func main() {
	released()
	if secondproc.IsChild(os.Args) {
		os.Exit(child())
	}
	args := runbook.Words(os.Args)
	if p := program(os.Stdin, os.Stdout, os.Stderr); unsupervised(p, args) {
		os.Exit(p.Main(context.Background(), args))
	}
	os.Exit(supervisor.Main(program, args))
}

// unsupervised reports whether a command runs without a supervisor: ceremony run, whose
// programs have one each, and what says nothing but what the program is.
func unsupervised(p *command.Program, args []string) bool {
	name := p.Names(args)
	return name == shared.CommandRun || slices.Contains(shared.AboutItself(), name)
}

// child is the second process of a probe: confined as this one is.
func child() int {
	if err := unconfined.Child(); err != nil {
		return int(exitcode.Of(err))
	}
	return secondproc.Child(os.Stdin, os.Stdout)
}
