//go:build linux

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/rehearsal"
	"byok/internal/testkit/practice"
	"byok/internal/worlds"
)

// answer is typed when the screen ends with the prompt.
type answer struct{ prompt, typed string }

// dialogue runs the program on a terminal of its own, with a person who types
// the answers, and returns its status and the whole screen.
func dialogue(t *testing.T, answers []answer, args ...string) (int, string) {
	t.Helper()
	keyboard, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer keyboard.Close()
	cmd := exec.CommandContext(t.Context(), "byok-online", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := errors.Join(cmd.Start(), terminal.Close()); err != nil {
		t.Fatal(err)
	}
	var screen syncBuffer
	shown := make(chan struct{})
	go func() {
		_, _ = io.Copy(&screen, keyboard) // ends when the program closes the terminal
		close(shown)
	}()
	seen := 0
	for _, a := range answers {
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
			if text := screen.String(); len(text) > seen && strings.HasSuffix(text, a.prompt) {
				seen = len(text)
				break
			}
			if time.Now().After(end) {
				t.Fatalf("the prompt %q does not come; the screen is\n%s", a.prompt, screen.String())
			}
		}
		if _, err := keyboard.WriteString(a.typed + "\r"); err != nil {
			t.Fatal(err)
		}
	}
	err = cmd.Wait()
	<-shown
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), strings.ReplaceAll(screen.String(), "\r\n", "\n")
}

// TestConfirm asks before the vault is changed, and does what is answered.
func TestConfirm(t *testing.T) {
	v := practice.Start(t, rehearsal.Config{})
	args := []string{"kek", "create", "--rehearsal", v.Dir, "--name", "kek", "--size", "2048", "--kmdata", t.TempDir()}
	for _, c := range []struct {
		typed  string
		status exitcode.Code
		want   string
	}{
		{"no", exitcode.Refused, "byok-online: error: not confirmed: the answer was not \"yes\"\nResult: FAILURE\n"},
		{"yes", exitcode.Done, "Result: SUCCESS\n"},
	} {
		status, screen := dialogue(t, []answer{{` (type "yes" to continue): `, c.typed}}, args...)
		question := " in " + v.Open.URL + `? (type "yes" to continue): `
		if status != int(c.status) || !strings.Contains(screen, question) || !strings.HasSuffix(screen, c.want) {
			t.Errorf("%s: status %d\n%s", c.typed, status, screen)
		}
		if _, err := v.Client.Key(t.Context(), "kek", ""); (err == nil) != (c.typed == "yes") {
			t.Errorf("%s: %v", c.typed, err)
		}
	}
}

// TestVouch has a person vouch for a world: a wrong hknso, one that is too
// short, the right one; it is not on the screen before it was typed.
func TestVouch(t *testing.T) {
	v, dir, config := practice.Start(t, rehearsal.Config{}), t.TempDir(), t.TempDir()
	file, err := v.Pack(dir, "payroll", "P-256")
	if err != nil {
		t.Fatal(err)
	}
	hknso, err := v.HKNSO()
	if err != nil {
		t.Fatal(err)
	}
	const prompt = "hknso of the world: "
	status, screen := dialogue(t, []answer{
		{prompt, fingerprint.Of([]byte("another")).FirstWords(8)},
		{prompt, hknso.FirstWords(7)},
		{prompt, hknso.FirstWords(8)},
		{` (type "yes" to continue): `, "yes"},
	}, "upload", file, "--rehearsal", v.Dir, "--config", config, "--kmdata", t.TempDir())
	if status != 0 || !strings.HasSuffix(screen, "Result: SUCCESS\n") {
		t.Fatalf("status %d\n%s", status, screen)
	}
	before, _, _ := strings.Cut(screen, hknso.FirstWords(7))
	for _, leak := range []string{hknso.Words()[0] + " " + hknso.Words()[1], hknso.String()[:8], hknso.Groups()} {
		if strings.Contains(before, leak) {
			t.Errorf("shown before it was typed: %s\n%s", leak, before)
		}
	}
	for _, want := range []string{
		"byok-online: " + file + " comes from a security world that this workstation does not know yet\n",
		"warning: the package comes from a different world than the one named: its hknso differs; try again\n",
		"warning: the fingerprint has 7 words: at least the first 8 are needed; try again\n",
		`byok-online: world "Specimen" is now known, vouched for by `,
	} {
		if !strings.Contains(screen, want) {
			t.Errorf("%q is not on the screen\n%s", want, screen)
		}
	}
	data, err := os.ReadFile(filepath.Join(config, worlds.FileName))
	if err != nil || !bytes.Contains(data, []byte(hknso.String())) {
		t.Errorf("%v: %s", err, data)
	}
}
