package dryrun

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"byok/internal/exitcode"
	"byok/internal/script"
	"byok/internal/softhsm"
)

// outcome is what came of a command.
type outcome struct {
	out, err string
	status   exitcode.Code
	failed   error // it could not be run, or was interrupted
}

// program runs a command of the program of a place.
func (r *run) program(ctx context.Context, at script.Place, words []string) outcome {
	path := r.Offline
	if at == script.Connected {
		path = r.Online
	}
	return ended(ctx, r.command(ctx, at, path, words...))
}

// shell runs what people type in a shell.
func (r *run) shell(ctx context.Context, line string) outcome {
	return ended(ctx, r.command(ctx, script.Room, "sh", "-c", line))
}

// grace is how long an interrupted command may take to end by itself.
const grace = time.Minute

// command is a process in the scratch folder, with the variables of a place and
// without a terminal: what would ask a person fails instead.
func (r *run) command(ctx context.Context, at script.Place, path string, words ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, path, words...)
	c.Dir, c.Env = r.scratch.dir, r.environment(at)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = grace
	withoutTerminal(c)
	return c
}

// environment is this process's, without what would change the programs' ways.
func (r *run) environment(at script.Place) []string {
	kmdata := disconnected
	if at == script.Connected {
		kmdata = connected
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BYOK_") })
	return append(env,
		"BYOK_KMDATA="+r.scratch.path(kmdata, "kmdata"),
		"BYOK_CONFIG="+r.scratch.path(connected, "config"),
		softhsm.Variable+"="+r.scratch.path("hsm", "softhsm2.conf"),
		"PATH="+r.scratch.path("bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
	)
}

// ended runs a command to its end.
func ended(ctx context.Context, c *exec.Cmd) outcome {
	var out, messages bytes.Buffer
	c.Stdout, c.Stderr = &out, &messages
	err := c.Run()
	o := outcome{out: out.String(), err: messages.String(), failed: err}
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		o.failed = exitcode.ErrInterrupted
	case exited && slices.Contains(exitcode.All(), exitcode.Code(exit.ExitCode())):
		o.status, o.failed = exitcode.Code(exit.ExitCode()), nil
	}
	return o
}
