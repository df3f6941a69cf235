//go:build linux

package ceremonytest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// seat is a person's, before a terminal on which a shell runs a program.
type seat struct {
	t        *testing.T
	screen   *screen
	keyboard *os.File
	found    unix.Termios // how the terminal was before
}

// shell runs a program as a job, has it go on whenever it was stopped, and then
// reads a line: what was typed and not read by the program is in front of it.
const shell = `set -m
program=$1; shift
(exec -a asks "$program" "$@"); status=$?
while [ -n "$(jobs)" ]; do echo "[stopped]"; read -r go; fg; status=$?; done
echo "[status $status]"
IFS= read -r left; echo "[left: $left]"`

// takeSeat starts the program that asks.
func takeSeat(t *testing.T, words ...string) *seat {
	t.Helper()
	keyboard, terminal, err := pty.Open()
	if err != nil {
		t.Fatalf("pseudo-terminal (mount devpts on /dev/pts): %v", err)
	}
	defer terminal.Close()
	s := &seat{t: t, keyboard: keyboard, screen: &screen{ended: make(chan struct{})}}
	s.found = s.settings()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", append([]string{"-c", shell, "bash", self}, words...)...)
	cmd.Env = []string{"TERM=xterm", "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.screen.fill(keyboard)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		keyboard.Close()
	})
	return s
}

func (s *seat) settings() unix.Termios {
	s.t.Helper()
	now, err := unix.IoctlGetTermios(int(s.keyboard.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return *now
}

// sees waits until the screen ends with a text that was not there before.
func (s *seat) sees(text string) {
	s.t.Helper()
	if !s.screen.shows(func(shown string) bool { return strings.HasSuffix(shown, text) }) {
		s.t.Fatalf("%q does not come; the screen is\n%s", text, s.screen.String())
	}
}

func (s *seat) types(keys string) {
	s.t.Helper()
	if _, err := s.keyboard.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// job is the process in the foreground, which is the supervisor.
func (s *seat) job() int {
	s.t.Helper()
	group, err := unix.IoctlGetInt(int(s.keyboard.Fd()), unix.TIOCGPGRP)
	if err != nil {
		s.t.Fatal(err)
	}
	return group
}

func (s *seat) kill(pid int, signal syscall.Signal) {
	s.t.Helper()
	if err := unix.Kill(pid, signal); err != nil {
		s.t.Fatal(err)
	}
}

func (s *seat) hangUp()    { s.kill(s.job(), unix.SIGHUP) }
func (s *seat) terminate() { s.kill(s.job(), unix.SIGTERM) }
func (s *seat) crash()     { s.kill(s.worker(), unix.SIGKILL) }

// stop stops the program without giving it a chance to put anything in order.
func (s *seat) stop() { s.kill(s.worker(), unix.SIGSTOP) }

// worker is the process that the supervisor has started.
func (s *seat) worker() int {
	s.t.Helper()
	var children string
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.job()))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		children += string(text)
	}
	pid, err := strconv.Atoi(strings.Fields(children + " none")[0])
	if err != nil {
		s.t.Fatal("the supervisor has no worker")
	}
	return pid
}

// ended waits for the shell, and returns the status of the program and what it
// left on the keyboard.
func (s *seat) ended() (status int, left string) {
	s.t.Helper()
	s.sees("]\r\n")
	if s.settings() != s.found {
		s.t.Errorf("the terminal is set %+v, was %+v", s.settings(), s.found)
	}
	s.types("\n")
	s.sees("]\r\n")
	shown := s.screen.String()
	_, err := fmt.Sscanf(shown[strings.LastIndex(shown, "[status "):], "[status %d]", &status)
	if err != nil {
		s.t.Fatalf("no status; the screen is\n%s", shown)
	}
	return status, shown[strings.LastIndex(shown, "[left: ")+len("[left: ") : len(shown)-len("]\r\n")]
}

// interfere answers a command's prompts up to one, has something happen there,
// and looks at what came of it.
func interfere(t *testing.T, command string, prompts []prompt, at int, what interference) {
	worked := filepath.Join(t.TempDir(), "worked on")
	if err := os.WriteFile(worked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := takeSeat(t, command, worked)
	s.answers(prompts[:at])
	p := prompts[at]
	s.sees(p.text + ": ")
	s.types(what.keys)
	if what.signal != nil {
		what.signal(s)
	}
	want := what.ends[p.kind]
	switch {
	case what.goesOn && p.kind == shown && what.signal == nil: // Ctrl-Z is no way out
		s.types("\n")
		s.answers(prompts[at+1:])
	case what.goesOn:
		s.suspended(what)
		s.answers(prompts[at:])
	case want == 0:
		s.answers(prompts[at+1:])
	}
	status, left := s.ended()
	if status != want || left != "" {
		t.Errorf("status %d, want %d; left for the shell: %q; the screen is\n%s", status, want, left, s.screen.String())
	}
	s.searches(prompts, at)
}

// suspended is at the shell's own prompt, and has the program go on. After Ctrl-Z
// the terminal serves the shell as it always does; SIGSTOP leaves that to the
// shell.
func (s *seat) suspended(what interference) {
	s.t.Helper()
	s.sees("[stopped]\r\n")
	if what.signal == nil && s.settings() != s.found {
		s.t.Error("at the shell's prompt the terminal is not as it was found")
	}
	s.types("\n")
}

func (s *seat) answers(prompts []prompt) {
	s.t.Helper()
	for _, p := range prompts {
		s.sees(p.text + ": ")
		s.types(strings.Replace(p.answer, "@cell", cellOf(s.screen.String()), 1) + "\n")
	}
}

// shownAlone is what the alternate screen showed before it was cleared.
var shownAlone = regexp.MustCompile(`(?s)\x1b\[\?1049h.*?\x1b\[\?1049l`)

// searches looks on the whole screen for what must not be there: a secret, half
// of one, and a trace of the program.
func (s *seat) searches(prompts []prompt, at int) {
	s.t.Helper()
	screen := shownAlone.ReplaceAllString(s.screen.String(), "")
	unwanted := []string{"goroutine", "SIGQUIT", "runtime.", typedPIN, typedPassphrase, "acid", "gizmo"}
	if kind := prompts[at].kind; kind == hidden || kind == shown {
		unwanted = append(unwanted, half, "0123456789012", "title")
	}
	for _, text := range unwanted {
		if strings.Contains(screen, text) {
			s.t.Errorf("the screen shows %q:\n%q", text, screen)
		}
	}
}

// TestTypedAhead: what is typed while a card is worked on is neither shown, nor
// taken for the next passphrase, nor left for the shell.
func TestTypedAhead(t *testing.T) {
	const ahead = "typed ahead"
	worked := filepath.Join(t.TempDir(), "worked on")
	s := takeSeat(t, "cards", worked)
	s.answers([]prompt{{hidden, "passphrase of Alice's card", typedPassphrase}})
	s.sees("reading the card in a …\r\n")
	s.types(ahead + "\n" + ahead)
	terminal, err := os.OpenFile(s.terminal(), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	for waiting := 0; waiting == 0; { // until the kernel has it
		if waiting, err = unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCINQ); err != nil {
			t.Fatal(err)
		}
	}
	if s.settings().Lflag&unix.ECHO != 0 {
		t.Error("the echo is on while a card is worked on")
	}
	if err := os.WriteFile(worked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.answers([]prompt{{hidden, "passphrase of Bob's card", typedPassphrase}})
	if status, left := s.ended(); status != 0 || left != "" || strings.Contains(s.screen.String(), ahead) {
		t.Errorf("status %d, left for the shell %q; the screen is\n%s", status, left, s.screen.String())
	}
}

// terminal is the path of the terminal that the seat is before.
func (s *seat) terminal() string {
	s.t.Helper()
	n, err := unix.IoctlGetInt(int(s.keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("/dev/pts/%d", n)
}
