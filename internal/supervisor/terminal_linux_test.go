//go:build amd64 || arm64

package supervisor

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// person sits before a job's terminal, of which err is the screen.
type person struct {
	*job
	master *os.File
}

// seated starts a command line on a terminal of its own.
func seated(t *testing.T, deed string, line ...string) *person {
	t.Helper()
	p := &person{job: prepared(t, deed)}
	p.cmd.Args = line
	path, err := exec.LookPath(line[0])
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Path, p.cmd.Stdout, p.cmd.Stderr = path, nil, nil
	p.cmd.Env = append(p.cmd.Env, "TERM=xterm", "PS1=$ ")
	if p.master, err = pty.StartWithAttrs(p.cmd, nil, &syscall.SysProcAttr{Setsid: true, Setctty: true}); err != nil {
		t.Fatalf("pseudo-terminal (mount devpts on /dev/pts): %v", err)
	}
	t.Cleanup(func() { p.master.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := p.master.Read(buf)
			_, _ = p.err.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *person) types(keys string) {
	p.t.Helper()
	if _, err := p.master.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) sees(text string, times int) {
	p.t.Helper()
	p.until("the screen shows "+text, func() bool { return strings.Count(p.err.String(), text) >= times })
}

// hasTerminal reports whether another process group than the shell's is in the
// foreground, and is not stopped: only then does Ctrl-Z reach it. A shell gives
// it the terminal first, and then has it continue.
func (p *person) hasTerminal() bool {
	group, err := unix.IoctlGetInt(int(p.master.Fd()), unix.TIOCGPGRP)
	return err == nil && group != p.cmd.Process.Pid && state(group) != "T"
}

func (p *person) settings() unix.Termios {
	p.t.Helper()
	settings, err := unix.IoctlGetTermios(int(p.master.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return *settings
}

// unused are the settings with which every terminal begins.
func unused(t *testing.T) unix.Termios {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	defer master.Close()
	return (&person{job: &job{t: t}, master: master}).settings()
}

// childOf is the first child of a process.
func childOf(t *testing.T, pid int) int {
	t.Helper()
	var children string
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		children += string(list)
	}
	child, err := strconv.Atoi(strings.Fields(children + " x")[0])
	if err != nil {
		t.Fatalf("process %d has no child", pid)
	}
	return child
}

// TestTerminalRescued has the worker end where the terminal is not as it was:
// at the prompt for a PIN, and while words are shown.
func TestTerminalRescued(t *testing.T) {
	const end = "byok-test: error: the process that runs the HSM's library ended unexpectedly: killed by SIGKILL\r\n"
	const blank = "\x1b[?1049h\x1b[2J\x1b[H\x1b[2J\x1b[H\x1b[?1049l\r\n"
	before := unused(t)
	for _, test := range []struct{ deed, prompt, screen string }{
		{"PIN", "PIN: ", "PIN: " + blank},
		{"words", "noted it: ", "\x1b[?1049h\x1b[2J\x1b[H\r\n   1  acid\r\n   2  bonus\r\n\r\nnoted it: " + blank},
	} {
		t.Run(test.deed, func(t *testing.T) {
			p := seated(t, test.deed, os.Args[0], "look")
			p.sees(test.prompt, 1)
			if during := p.settings(); during == before {
				t.Fatal("the terminal is as it was: the test shows nothing")
			}
			if err := unix.Kill(childOf(t, p.cmd.Process.Pid), unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			p.ended(p.cmd.Wait())
			if p.settings() != before {
				t.Error("the terminal is not as it was")
			}
			p.sees("again: it takes up what was begun", 1)
			if got := p.err.String(); !strings.HasPrefix(got, test.screen+end) {
				t.Errorf("the screen shows\n%q, want\n%q", got, test.screen+end)
			}
			if p.cmd.ProcessState.ExitCode() != 4 {
				t.Errorf("%v", p.cmd.ProcessState)
			}
		})
	}
}

// TestCtrlC: the terminal's signal, which reaches both processes, counts once
// for the command.
func TestCtrlC(t *testing.T) {
	before := unused(t)
	for _, test := range []struct{ deed, prompt, want string }{
		{"waits", "running as", "error: context canceled"},
		{"PIN", "PIN: ", "error: PIN: interrupted"},
	} {
		p := seated(t, test.deed, os.Args[0], "change")
		p.sees(test.prompt, 1)
		p.types("\x03")
		p.ended(p.cmd.Wait())
		p.sees(test.want, 1)
		if p.cmd.ProcessState.ExitCode() != 130 || p.settings() != before {
			t.Errorf("%s: %v, %q", test.deed, p.cmd.ProcessState, &p.err)
		}
	}
}

// TestCtrlZ: a shell sees one program, which stops and goes on.
func TestCtrlZ(t *testing.T) {
	p := seated(t, "stopped", "bash", "--norc", "--noediting", "-i")
	p.types(os.Args[0] + " change\n")
	p.sees("running as", 1)
	for n := range 3 {
		p.until("the job has the terminal, and runs", p.hasTerminal)
		p.types("\x1a")
		p.sees("Stopped", n+1)
		p.types("fg\n")
		p.sees("fg\r\n"+os.Args[0]+" change", n+1)
	}
	p.types("\n")
	p.sees("Result: SUCCESS", 1)
	p.types("exit 7\n")
	p.ended(p.cmd.Wait())
	if p.cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("%v, %q", p.cmd.ProcessState, &p.err)
	}
}
