//go:build linux

package dialogue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/term"
)

// detached is set where the tests have no terminal but the one that each of
// them makes: /dev/tty would be the developer's.
const detached = "DIALOGUE_TEST_DETACHED"

// TestMain runs the tests in a session of their own.
func TestMain(m *testing.M) {
	if os.Getenv(detached) != "" {
		m.Run()
		return
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), detached+"=1", "TERM=xterm")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(cmd.ProcessState.ExitCode())
}

// answer is typed when the screen ends with the prompt.
type answer struct{ prompt, typed string }

// said is what came of a command: what was on the screen, and what its event
// notes.
type said struct {
	screen string
	notes  map[string]string
	err    error
}

// screen is where questions and messages go.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// run gives f to a command with the options of a quorum's commands, at a
// terminal where a person types the answers, or without one if there are none.
func run(t *testing.T, args []string, answers []answer, f func(r *command.Run) error) said {
	t.Helper()
	out := &screen{}
	console := &term.Console{Program: "test", Out: io.Discard, Err: out}
	if answers != nil {
		keyboard, terminal, err := pty.Open()
		if err != nil {
			t.Fatalf("pseudo-terminal (mount devpts on /dev/pts): %v", err)
		}
		defer keyboard.Close()
		defer terminal.Close()
		console.In = terminal
		typed := make(chan error, 1)
		go func() {
			err := typing(keyboard, out, answers)
			if err != nil {
				_ = keyboard.Close() // hang up, or the question would wait for ever
			}
			typed <- err
		}()
		defer func() {
			if err := <-typed; err != nil {
				t.Error(err)
			}
		}()
	}
	result := said{notes: map[string]string{}}
	p := &command.Program{Name: "test", Version: "1", Usage: "test", Console: console}
	p.Commands = []*cli.Command{{Name: "do", Usage: "do", Flags: options(), Action: p.Action(
		func(r *command.Run) (command.Result, error) {
			result.err = f(r)
			for _, n := range r.Event.Notes {
				result.notes[n.Name] = n.Value
			}
			console.Restore()
			result.screen = strings.ReplaceAll(out.String(), "\r\n", "\n")
			return nil, nil
		})}}
	if status := p.Main(context.Background(), append([]string{"do"}, args...)); status != 0 {
		t.Fatalf("%q: status %d\n%s", args, status, out)
	}
	return result
}

// typing types each answer once its prompt stands at the end of the screen.
func typing(keyboard *os.File, out *screen, answers []answer) error {
	seen := 0
	for _, a := range answers {
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			if text := out.String(); len(text) > seen && strings.HasSuffix(text, a.prompt) {
				seen = len(text)
				break
			}
			if time.Now().After(end) {
				return fmt.Errorf("the prompt %q does not come; the screen is\n%s", a.prompt, out)
			}
		}
		if _, err := io.WriteString(keyboard, a.typed+"\r"); err != nil {
			return err
		}
	}
	return nil
}

// options are those that a dialogue looks at.
func options() (list []cli.Flag) {
	for _, name := range []string{
		"pin-file", "approve", "last-statement", "break-reason", "library-sha256", "serial", "fingerprint", "kid", "said-by",
		"sha256", "words", "module-path", "token",
	} {
		list = append(list, &cli.StringFlag{Name: name})
	}
	for _, name := range []string{"own-passphrase", "approve-unseen", "import-only", "hsm-network"} {
		list = append(list, &cli.BoolFlag{Name: name})
	}
	for _, name := range []string{"card-pin-file", "new-card-pin-file"} {
		list = append(list, &cli.StringSliceFlag{Name: name})
	}
	return append(list, dialogue.OfficerFlags()...)
}

// refused holds an error to its status, text and hint.
func refused(t *testing.T, what string, err error, code exitcode.Code, text, hint string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want %s", what, text)
		return
	}
	if err.Error() != text || exitcode.Of(err) != code || exitcode.HintOf(err) != hint {
		t.Errorf("%s: status %d: %v (hint %q)\nwant %d: %s (hint %q)",
			what, exitcode.Of(err), err, exitcode.HintOf(err), code, text, hint)
	}
}

// secretFile is a file with a line in it.
func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
