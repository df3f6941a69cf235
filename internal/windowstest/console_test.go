//go:build wine

package windowstest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// control is what Wine's console adds to show what a program writes.
var control = regexp.MustCompile("\x1b\\[([?0-9;]*[hlK]|1C)|\r")

// TestConsole asks on a console of Wine's, which is a pseudo-terminal here.
func TestConsole(t *testing.T) {
	const alternate, back = "\x1b[?1049h", "\x1b[?1049l"
	for _, c := range []struct {
		name, asks, prompt, typed string
		want                      string // what is said in the end
		hidden                    bool
	}{
		{"a name", "name", "the name:", "Alice\r", `said "Alice", <nil>, status 0`, false},
		{"a PIN", "password", "the PIN:", "hunter2\r", `said "68756e74657232", <nil>, status 0`, true},
		{"a PIN beyond ASCII", "password", "the PIN:", "Zoë€\r", `said "5a6fc3abe282ac", <nil>, status 0`, true},
		{"no PIN", "password", "the PIN:", "\r", `said "", the PIN: empty, status 2`, true},
		{"Ctrl-C", "password", "the PIN:", "hun\x03", `said "", the PIN: interrupted, status 130`, true},
		{"a secret", "show", "press Enter:", "\r", `said "", <nil>, status 0`, false},
		{"Ctrl-C at a secret", "show", "press Enter:", "\x03", `said "", press Enter: interrupted, status 130`, false},
	} {
		screen := typed(t, under(t, t.TempDir(), "asks.exe", c.asks), c.prompt, c.typed)
		plain := control.ReplaceAllString(screen, "")
		if !strings.Contains(plain, c.want) {
			t.Errorf("%s: %q", c.name, screen)
		}
		echoed := strings.Contains(plain, strings.TrimRight(c.typed, "\r\x03"))
		if c.hidden && len(c.typed) > 2 && echoed {
			t.Errorf("%s: the screen shows it: %q", c.name, screen)
		}
		if c.asks == "show" {
			from, to := strings.Index(screen, alternate), strings.LastIndex(screen, back)
			word := strings.Index(screen, "acid")
			if from < 0 || word < from || to < word || !strings.HasSuffix(screen[:to], "\x1b[2J\x1b[H") {
				t.Errorf("%s: shown beside the alternate screen: %q", c.name, screen)
			}
		}
	}
}

// TestInterrupt ends a vault by Ctrl-C.
func TestInterrupt(t *testing.T) {
	c := under(t, t.TempDir(), "byok-online.exe", serve("vault")...)
	screen := typed(t, c, "of a rehearsal at https://", "\x03")
	if status := c.ProcessState.ExitCode(); status != 0 {
		t.Errorf("status %d: %q", status, screen)
	}
}

// TestInterruptWorker: one Ctrl-C, which reaches the supervisor and its worker, is one to
// the command; the second ends a worker that does not listen. The end is in the log.
func TestInterruptWorker(t *testing.T) {
	for _, c := range []struct {
		deed    string
		typed   []string
		failure string
	}{
		{"waits", []string{"waiting", "\x03"}, "context canceled"},
		{"PIN", []string{"PIN:", "\x03"}, "PIN: interrupted"},
		{
			"deaf", []string{"waiting", "\x03", "interrupt again to end the program at once", "\x03"},
			"interrupted before the step under way was finished",
		},
	} {
		dir := t.TempDir()
		job := under(t, dir, "supervised.exe", "change")
		job.Env = append(job.Env, "BYOK_SUPERVISOR_TEST="+c.deed)
		screen := typed(t, job, c.typed...)
		said := control.ReplaceAllString(screen, "")
		if status := job.ProcessState.ExitCode(); status != 130 || !strings.Contains(said, "byok-test: error: "+c.failure) {
			t.Errorf("%s: status %d: %q", c.deed, status, screen)
		}
		lines := strings.Split(strings.TrimSpace(read(t, filepath.Join(dir, "kmdata", "local", "ceremony.jsonl"))), "\n")
		if end := lines[len(lines)-1]; len(lines) != 2 || !strings.Contains(end, `"status":130,"error":"`+c.failure+`"`) {
			t.Errorf("%s: recorded %s", c.deed, lines)
		}
	}
}

// typed runs a command on a terminal of its own, types each second text of the dialogue
// once the prompt before it is on the screen, and returns all that was on it.
func typed(t *testing.T, c *exec.Cmd, dialogue ...string) string {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(keyboard.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120})
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	c.Stdin, c.Stdout, c.Stderr = tty, tty, tty
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_ = tty.Close()
	limit := time.AfterFunc(30*time.Second, func() { _ = c.Process.Kill() })
	defer limit.Stop()
	screen := new(screen)
	go screen.show(keyboard)
	for said := range slices.Chunk(dialogue, 2) {
		for range 300 {
			if strings.Contains(control.ReplaceAllString(screen.String(), ""), said[0]) {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond) // the prompt is written before the console is set
		_, _ = keyboard.WriteString(said[1])
	}
	_ = c.Wait()
	time.Sleep(200 * time.Millisecond) // Wine's console writes what the program wrote
	return screen.String()
}

// screen is what a terminal shows.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// show reads until the terminal is gone. Wine's own processes may keep it.
func (s *screen) show(terminal *os.File) {
	part := make([]byte, 4096)
	for {
		n, err := terminal.Read(part)
		s.mu.Lock()
		s.text.Write(part[:n])
		s.mu.Unlock()
		if err != nil {
			_ = terminal.Close()
			return
		}
	}
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
