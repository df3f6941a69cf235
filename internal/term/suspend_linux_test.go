//go:build amd64 || arm64

package term

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// TestNoShell: Ctrl-Z where no shell could continue the program repeats the
// question, and nothing of what was typed counts.
func TestNoShell(t *testing.T) {
	p := start(t, "password", controlling)
	p.sees(pin+": ", 1)
	p.types("hunt\x1a")
	p.sees(pin+": ", 2)
	if p.echo() {
		t.Error("the echo is on")
	}
	p.types("hunter2\n")
	p.ends("hunter2", pin+": "+pin+": \n")
}

// TestSuspended: the terminal is the shell's while the program is stopped, and
// the question comes again afterwards; what stood on the alternate screen does
// not stay there.
func TestSuspended(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for _, c := range []struct{ job, asks, keys, answer, before, want string }{
		{"password", pin + ": ", "hunt\x1a", "hunter2\n", pin + ": ", "hunter2\r\n"},
		{"ask", "card 1: ", "A\x1a", "Ada\n", "holder of card 1: A^Z", "Ada\r\n"},
		{"alone", "the word: ", "\x1a", "acid\n", leaveAlternate, "acid\r\n"},
	} {
		t.Run(c.job, func(t *testing.T) {
			p := startBy(t, c.job)
			p.sees(c.asks, 1)
			p.types(c.keys)
			p.sees("[stopped]\r\n", 1)
			if !p.echo() {
				t.Error("the echo is off at the shell's prompt")
			}
			p.types("\n")
			p.sees(c.asks, 2)
			p.types(c.answer)
			if err := p.cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			<-p.read
			screen := p.screen.String()
			before, _, _ := strings.Cut(screen, "\r\n[1]+  Stopped")
			if !strings.HasSuffix(before, c.before) || !strings.HasSuffix(screen, c.want) {
				t.Errorf("the screen shows %q", screen)
			}
			if strings.Contains(screen, "hunth") {
				t.Errorf("half an answer counts: %q", screen)
			}
		})
	}
}

// startBy has a shell start a job, and go on with it once Enter was pressed.
func startBy(t *testing.T, job string) *person {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	t.Cleanup(func() { master.Close() })
	p := &person{t: t, master: master, read: make(chan struct{})}
	p.more = sync.NewCond(&p.mu)
	p.cmd = exec.Command("bash", "-c", `set -m; "$0"; echo "[stopped]"; read -r go; fg > /dev/null`, os.Args[0])
	p.cmd.Env = append(os.Environ(), jobVariable+"="+job)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.watch()
	return p
}
