package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// builtProgram writes the program, as build makes it, to a folder that any user
// may enter, and returns its path. It is built once a test run.
func builtProgram(t testing.TB) string {
	t.Helper()
	built.once.Do(func() { built.data = build(t) })
	if built.data == nil {
		t.Fatal("the program was not built: see the first test that needed it")
	}
	path := filepath.Join(openFolder(t), "byok-offline")
	if err := os.WriteFile(path, built.data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

var built struct {
	once sync.Once
	data []byte
}

// edits are what the program under test has otherwise than a release: tokens are
// locked in $TMPDIR, so that copies of a token can be worked on side by side, and
// the worthless RSA key of the probes is short, because it takes long to make.
var edits = []struct{ file, from, to string }{
	{"../../internal/locks/locks.go", `return "/tmp"`, "return os.TempDir()"},
	{"../../internal/hsm/probe/probe.go", "rsa.GenerateKey(rand.Reader, 2048)", "rsa.GenerateKey(rand.Reader, 1024)"},
}

// pinned keeps the main goroutine on the main thread, so that strace can count
// its system calls.
const pinned = "package main\n\nimport \"runtime\"\n\nfunc init() { runtime.LockOSThread() }\n"

// build builds the program with these changes.
func build(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{mustDo(filepath.Abs("pinned.go"))(t): inFile(t, dir, pinned)}
	for _, e := range edits {
		text := string(mustDo(os.ReadFile(e.file))(t))
		if !strings.Contains(text, e.from) {
			t.Fatalf("%s: no %s in it any more", e.file, e.from)
		}
		replace[mustDo(filepath.Abs(e.file))(t)] = inFile(t, dir, strings.Replace(text, e.from, e.to, 1))
	}
	overlay, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "byok-offline")
	mustWrite(t, overlay, mustDo(json.Marshal(map[string]any{"Replace": replace}))(t))
	cmd := exec.Command("go", "build", "-overlay", overlay, "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w", "-tags", "netgo,osusergo,urfave_cli_no_docs", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "GOEXPERIMENT=runtimesecret")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return mustDo(os.ReadFile(binary))(t)
}

// inFile writes a text to a new file in dir.
func inFile(t testing.TB, dir, text string) string {
	t.Helper()
	f := mustDo(os.CreateTemp(dir, "*.go"))(t)
	_ = f.Close()
	mustWrite(t, f.Name(), []byte(text))
	return f.Name()
}

// openFolder makes a folder that any user may enter. Its path is short: a
// socket's has at most 107 bytes.
func openFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "byok")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// mustDo returns the value of a call, or fails the test with its error.
func mustDo[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func mustWrite(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// words splits a command line at blanks that are not within double quotes.
func words(line string) (list []string) {
	quoted := false
	end := func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	}
	for _, word := range strings.FieldsFunc(line, end) {
		list = append(list, strings.ReplaceAll(word, `"`, ""))
	}
	return list
}

// library finds a library where Debian and others put it.
func library(t *testing.T, name, debian string) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/*/" + name, "/usr/lib64/" + name, "/usr/lib/" + name} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	t.Fatalf("%s is not installed, and these tests need it: apt-get install %s", name, debian)
	return ""
}

func tool(t *testing.T, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed, and these tests need it: apt-get install %s", name, debian)
	}
	return path
}

// TestUnsupervised: what loads a library or reads a secret has a supervisor.
func TestUnsupervised(t *testing.T) {
	for line, want := range map[string]bool{
		"--version": true, "manual key list": true, "completion bash": true, "ceremony run --plan p": true,
		"key list": false, "confine status": false, "world create --version": false, "": false, "card passphrase": false,
	} {
		p := program(strings.NewReader(""), io.Discard, io.Discard)
		if got := unsupervised(p, strings.Fields(line)); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}
