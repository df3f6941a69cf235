package term

import (
	"bufio"
	"fmt"
	"os"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// rescued leaves the terminal, unless it is kept, as a process does that ends
// at a prompt, and then has it put in order.
func rescued(c *Console, changed bool) (string, error) {
	rescue := Snapshot()
	if d, err := c.open(); changed && err == nil {
		if err := d.enter(question{mode: hiding, draw: func() { d.prompt("PIN") }}); err != nil {
			return "", err
		}
	}
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil { // by then something is typed
		return "", err
	}
	rescue()
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return "no terminal", nil
	}
	defer tty.Close()
	left, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCINQ)
	return fmt.Sprintf("%d bytes are left for the shell", left), err
}

// unused is a terminal as every one begins.
func unused(t *testing.T) *person {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		slave.Close()
		master.Close()
	})
	return &person{t: t, master: master}
}

const cleared = "\x1b[?1049h\x1b[2J\x1b[H\x1b[2J\x1b[H\x1b[?1049l\n"

// TestSnapshot: the echo is on again, nothing that was typed is left for the
// shell, and the alternate screen is cleared, on a terminal that has one. A
// terminal that is as it was stays so.
func TestSnapshot(t *testing.T) {
	before := *unused(t).settings()
	for _, c := range []struct {
		kind, job string
		where     terminalOf
		screen    string
		want      string
	}{
		{"xterm", "rescued", controlling, "PIN: " + cleared, "0 bytes are left for the shell"},
		{"dumb", "rescued", controlling, "PIN: ", "0 bytes are left for the shell"},
		{"xterm", "kept", controlling, "hunter2\n", "8 bytes are left for the shell"},
		{"xterm", "kept", none, "", "no terminal"},
	} {
		t.Run(c.kind+" "+c.job, func(t *testing.T) {
			t.Setenv("TERM", c.kind)
			p := start(t, c.job, c.where)
			if c.where == controlling {
				if c.job == "rescued" {
					p.sees("PIN: ", 1)
				}
				p.types("hunter2\n")
				if c.job == "kept" {
					p.sees("hunter2", 1)
				}
				p.reads("go on")
			}
			p.ends(c.want, c.screen)
			if after := *p.settings(); after != before {
				t.Errorf("the terminal is set %+v, was %+v", after, before)
			}
		})
	}
}
