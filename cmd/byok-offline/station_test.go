package main

import (
	"bytes"
	"encoding/json"
	"errors"
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

	"byok/internal/exitcode"
)

// station is a workstation: the program, a folder, and the environment that
// some vendor's library needs.
//
// [eachOn] makes one; [station.run], [station.must] and [station.talk] run the
// program on it. A command line is split at blanks, except within double
// quotes. A world remembers where its library reads its configuration, so that
// a station cannot be copied to another folder; a [stage] can.
type station struct {
	binary, dir string
	env         []string
	user        *syscall.Credential // nil: whoever runs the tests
	kek         string              // flags that name a KEK, once it is needed
}

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
	{"../../internal/session/lock.go", `return "/tmp"`, "return os.TempDir()"},
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
		"-tags", "netgo,osusergo,urfave_cli_no_docs", "-o", binary, ".")
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

// eachOn runs tests of the program, each on a station of its own.
func eachOn(t *testing.T, tests map[string]func(*testing.T, *station)) {
	t.Helper()
	binary := builtProgram(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &station{binary: binary, dir: openFolder(t)}
			s.setenv("BYOK_KMDATA", s.folder(t, "kmdata"))
			test(t, s)
		})
	}
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

func (s *station) setenv(name, value string) { s.env = append(s.env, name+"="+value) }

func (s *station) path(name string) string { return filepath.Join(s.dir, name) }

// own gives a path to the user that the programs run as.
func (s *station) own(t *testing.T, path string) string {
	t.Helper()
	if s.user != nil {
		if err := os.Chown(path, int(s.user.Uid), int(s.user.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func (s *station) folder(t *testing.T, name string) string {
	t.Helper()
	if err := os.MkdirAll(s.path(name), 0o700); err != nil {
		t.Fatal(err)
	}
	return s.own(t, s.path(name))
}

func (s *station) file(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.own(t, s.path(name))
}

// files lists a folder of the station.
func (s *station) files(t *testing.T, name string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(s.path(name))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (s *station) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = s.dir, append(append(os.Environ(), "TMPDIR="+s.dir), s.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: s.user}
	return cmd
}

// result is what a run of the program came to. Of stderr it has the
// program's own lines: a vendor's library may write there as well.
type result struct {
	status exitcode.Code
	out    string
	said   string
}

// run runs the program, with nobody to ask.
func (s *station) run(t *testing.T, line string) result {
	t.Helper()
	return s.finish(t, s.command(s.binary, words(line)...), nil)
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

// must runs a command line that has to succeed.
func (s *station) must(t *testing.T, line string) result {
	t.Helper()
	r := s.run(t, line)
	if r.status != exitcode.Done {
		t.Fatalf("%s: %+v", line, r)
	}
	return r
}

func (s *station) finish(t *testing.T, cmd *exec.Cmd, screen io.Reader) result {
	t.Helper()
	var out, noise bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &noise
	late := time.AfterFunc(time.Minute, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer late.Stop()
	err := cmd.Start()
	if err == nil {
		if screen != nil {
			_, _ = io.Copy(io.Discard, screen)
		}
		err = cmd.Wait()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	var said strings.Builder
	for _, line := range strings.SplitAfter(noise.String(), "\n") {
		if text, ours := strings.CutPrefix(line, "byok-offline: "); ours {
			said.WriteString(text)
		}
	}
	return result{exitcode.Code(cmd.ProcessState.ExitCode()), out.String(), said.String()}
}

// exchange is a question on the terminal and what is typed then.
type exchange struct{ question, keys string }

// talk runs the program at a terminal, and answers its questions.
func (s *station) talk(t *testing.T, line string, talk ...exchange) result {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatalf("pseudo-terminal (mount devpts on /dev/pts): %v", err)
	}
	defer master.Close()
	cmd := s.command(s.binary, words(line)...)
	cmd.ExtraFiles = []*os.File{slave}
	cmd.SysProcAttr.Setctty, cmd.SysProcAttr.Ctty = true, 3
	t.Cleanup(func() { slave.Close() })
	return s.finish(t, cmd, &person{master: master, slave: slave, talk: talk, t: t})
}

// person reads the screen and types when a question is on it.
type person struct {
	t             *testing.T
	master, slave *os.File
	talk          []exchange
	screen        []byte
}

func (p *person) Read(buf []byte) (int, error) {
	p.slave.Close() // the program has its own by now; the screen ends with it
	n, err := p.master.Read(buf)
	p.screen = append(p.screen, buf[:n]...)
	if len(p.talk) > 0 {
		if _, rest, asked := bytes.Cut(p.screen, []byte(p.talk[0].question)); asked {
			p.screen = rest
			_, _ = io.WriteString(p.master, p.talk[0].keys)
			p.talk = p.talk[1:]
		}
	}
	if err != nil && len(p.talk) > 0 {
		p.t.Errorf("the screen shows %q, but not %q", p.screen, p.talk[0].question)
	}
	return n, err
}

// expectResult compares a run in full.
func expectResult(t *testing.T, got, want result) {
	t.Helper()
	if got.status != want.status {
		t.Errorf("status %d, want %d", got.status, want.status)
	}
	for what, texts := range map[string][2]string{"stdout": {got.out, want.out}, "messages": {got.said, want.said}} {
		if texts[0] != texts[1] {
			t.Errorf("%s\n%swant\n%s", what, texts[0], texts[1])
		}
	}
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
