//go:build unix

package hostile

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
)

// role says to the test binary that it has no terminal.
const role = "BYOK_TEST_WITHOUT_TERMINAL"

// Words runs every command of a program with hostile text for each of its
// options and as an argument, in both forms of output. It does so in another
// process of the test binary, which has no terminal that a question could wait
// at. The test that calls it must do nothing else.
func Words(t *testing.T, program func() *command.Program) {
	t.Helper()
	if os.Getenv(role) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
		cmd.Env = append(os.Environ(), role+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Error(err)
		}
		return
	}
	t.Chdir(t.TempDir())
	for name, value := range map[string]string{"HOME": ".", "BYOK_KMDATA": "kmdata", "BYOK_CONFIG": "config",
		"HTTPS_PROXY": "http://127.0.0.1:9", "SSL_CERT_DIR": "", "BYOK_PKCS11_MODULE": ""} {
		t.Setenv(name, value)
	}
	w := words{t: t, program: program}
	w.run(Text)
	w.run("--" + Text)
	w.run("-" + Text + "=" + Text)
	w.commands(nil, program().Commands)
	t.Logf("hostile words, printed harmlessly: %d of %d", w.harmless, w.tried)
}

type words struct {
	t               *testing.T
	program         func() *command.Program
	tried, harmless int
}

// commands tries every command of a group, and of the groups in it.
func (w *words) commands(path []string, list []*cli.Command) {
	for _, c := range list {
		path := append(slices.Clone(path), c.Name)
		w.run(append(slices.Clone(path), Text)...)
		w.run(append(slices.Clone(path), "--"+Text+"="+Text)...)
		w.run(append(slices.Clone(path), "--output", Text)...)
		w.run(append(slices.Clone(path), "--kmdata", Text)...)
		for _, f := range c.Flags {
			w.run(append(slices.Clone(path), "--"+f.Names()[0]+"="+Text)...)
		}
		if args := everyOption(c); len(args) > 0 {
			w.run(append(slices.Clone(path), args...)...)
			w.run(append(append(slices.Clone(path), args...), Text)...)
		}
		w.commands(path, c.Subcommands)
	}
}

// everyOption gives every option that takes a text at once.
func everyOption(c *cli.Command) (args []string) {
	for _, f := range c.Flags {
		switch f.(type) {
		case *cli.StringFlag, *cli.StringSliceFlag:
			args = append(args, "--"+f.Names()[0]+"="+Text)
		}
	}
	return args
}

// run runs the program in this process.
func (w *words) run(args ...string) {
	for _, output := range []string{"text", "json"} {
		ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Second)
		p := w.program()
		var said locked
		p.Console.Out, p.Console.Err = &said, &said
		line := slices.Clone(args)
		if len(line) > 1 && !slices.Contains(line, "--output") {
			line = append(line, "--output="+output)
		}
		_ = p.Main(ctx, line)
		cancel()
		w.tried++
		if Check(w.t, strings.Join(args, " "), said.String()) {
			w.harmless++
		}
	}
}

// locked is a buffer for several goroutines.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is all that was written.
func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
