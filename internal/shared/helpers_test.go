package shared_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/command"
	"byok/internal/shared"
	"byok/internal/term"

	"github.com/urfave/cli/v2"
)

// answer is what a program leaves: status, stdout and stderr.
type answer struct {
	status   int
	out, err string
}

// run runs a program that has these commands alone.
func run(t *testing.T, args ...string) answer {
	t.Helper()
	var out, err bytes.Buffer
	p := &command.Program{
		Name:    "byok-test",
		Version: "1.2.3",
		Console: &term.Console{Program: "byok-test", Out: &out, Err: &err},
	}
	p.Commands = append(
		[]*cli.Command{shared.Inspect(p), shared.Fingerprint(p), shared.Ceremony(p)}, shared.About(p)...)
	status := p.Main(context.Background(), args)
	return answer{status, out.String(), err.String()}
}

// kmdataDir gives the test a kmdata folder, not made yet, and a home without one.
func kmdataDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kmdata")
	t.Setenv("BYOK_KMDATA", dir)
	t.Setenv("HOME", t.TempDir())
	return dir
}

// wantAnswer compares whole streams.
func wantAnswer(t *testing.T, name string, got, want answer) {
	t.Helper()
	if got.status != want.status {
		t.Errorf("%s: status %d, want %d", name, got.status, want.status)
	}
	if got.out != want.out {
		t.Errorf("%s: stdout\n%s\nwant\n%s", name, got.out, want.out)
	}
	if got.err != want.err {
		t.Errorf("%s: stderr\n%s\nwant\n%s", name, got.err, want.err)
	}
}

// wantUntouched is for what looking must not do: make a folder or a log.
func wantUntouched(t *testing.T, name, dir string) {
	t.Helper()
	if _, err := os.Lstat(dir); err == nil {
		t.Errorf("%s: %s was made", name, dir)
	}
	if home, _ := os.ReadDir(os.Getenv("HOME")); len(home) > 0 {
		t.Errorf("%s: the home folder holds %v", name, home)
	}
}

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Error(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
	}
}

// lines joins lines as they are printed.
func lines(l ...string) string { return strings.Join(l, "\n") + "\n" }

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
