//go:build linux

package ceremonytest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long one command may take. RSA-4096 on a busy machine takes long.
const patience = 2 * time.Minute

// patience is that of a command: a dry run is some forty.
func (p process) patience() time.Duration {
	if slices.Contains(p.words, "dry-run") {
		return 5 * patience
	}
	return patience
}

// process is a program to be run.
type process struct {
	program string
	words   []string
	env     []string
	dir     string
	user    *syscall.Credential // nil: whoever runs the tests
}

// outcome is what came of it, as it was printed.
type outcome struct {
	status   int // -1: ended by a signal
	out, err string
}

// run runs a process to its end. It has no terminal: prompts that open
// /dev/tty find none.
func (s *stage) run(p process) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), p.patience())
	defer cancel()
	var out, messages bytes.Buffer
	cmd := p.command(ctx)
	cmd.Stdout, cmd.Stderr = &out, &messages
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: p.user}
	if err := start(cmd); err != nil {
		s.t.Fatalf("%v: %v", p, err)
	}
	return s.heard(p, cmd.Wait(), out.String(), messages.String())
}

func (p process) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary(p.program), p.words...)
	cmd.Env, cmd.Dir = p.env, p.dir
	return cmd
}

// heard keeps what was printed, for the search for secrets.
func (s *stage) heard(p process, ended error, out, messages string) outcome {
	s.said.WriteString(out)
	s.said.WriteString(messages)
	o := outcome{out: out, err: messages}
	var exit *exec.ExitError
	if ended != nil && !errors.As(ended, &exit) {
		s.t.Fatalf("%v: %v", p, ended)
	}
	if exit != nil {
		o.status = exit.ExitCode()
	}
	s.last = o
	return o
}

// start starts cmd as an ordinary person would: what the modes of files
// forbid is forbidden to root as well (capabilities(7), CAP_DAC_OVERRIDE).
func start(cmd *exec.Cmd) error {
	if os.Geteuid() != 0 {
		return cmd.Start()
	}
	started := make(chan error)
	go func() {
		// What a thread gives up of its bounding set it cannot have back, and
		// the process it starts cannot either. A goroutine that ends locked
		// takes its thread with it.
		runtime.LockOSThread()
		for _, capability := range []uintptr{unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH} {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
				started <- err
				return
			}
		}
		started <- cmd.Start()
	}()
	return <-started
}
