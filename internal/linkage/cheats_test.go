package linkage

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// cheat is a program in testdata/cheats, and what it is found out by.
type cheat struct {
	name       string
	dir        string
	platform   string // "" is that of the test
	compiler   string // of C, for another platform; "" is none
	conclusion Conclusion
	check      string   // the check that finds it, "" for none
	places     []string // all that it finds
}

// here are those for the platform that the test runs on.
func here() []cheat {
	return []cheat{
		{name: "reads a file", dir: "clean", conclusion: None},
		{
			name: "a raw system call", dir: "rawsocket", conclusion: Found,
			check: "system calls", places: []string{"socket in main.main"},
		},
		{
			name: "a number passed through functions", dir: "wrapped", conclusion: Found,
			check: "system calls", places: []string{"connect in main.main"},
		},
		{
			name: "assembly", dir: "assembly", conclusion: Found,
			check: "system calls", places: []string{"socket in main.open"},
		},
		{
			name: "a number from a table", dir: "table", conclusion: NotJudged,
			check: "calls without a number", places: []string{"a number in main.main"},
		},
		{
			name: "a function value", dir: "value", conclusion: NotJudged,
			check: "calls by function values", places: []string{"syscall.RawSyscall in data"},
		},
		{
			name: "a number of which the kernel takes half", dir: "high", conclusion: Found,
			check: "system calls", places: []string{"socket in main.main"},
		},
		{
			name: "the middle of a function", dir: "middle", conclusion: NotJudged,
			check: "calls without a number", places: []string{"a number in main.harmless"},
		},
		{
			name: "a number changed by a pointer", dir: "pointer", conclusion: NotJudged,
			check: "calls without a number", places: []string{"a number in main.open"},
		},
		{
			name: "another program in the data", dir: "embedded", conclusion: NotJudged,
			check: "programs in the data", places: []string{"a program in the data"},
		},
		{
			name: "package net", dir: "dial", conclusion: Found,
			check:  "socket call",
			places: []string{"syscall.Bind", "syscall.Connect", "syscall.Listen", "syscall.bind", "syscall.connect"},
		},
	}
}

// ofC needs the C compiler of the platform that the test runs on.
func ofC() []cheat {
	return []cheat{
		{
			name: "the C library's sockets", dir: "cgo", compiler: "cc", conclusion: Found,
			check: "imported functions", places: []string{"connect", "getaddrinfo", "socket"},
		},
		{
			name: "what the loader finds", dir: "loader", compiler: "cc", conclusion: NotJudged,
			check: "other libraries", places: []string{"any of /tmp/libraries"},
		},
		{
			name: "syscall(3)", dir: "csyscall", compiler: "cc", conclusion: Found,
			check: "imported functions", places: []string{"syscall"},
		},
	}
}

// TestCheats builds each as a release is, without its symbols.
func TestCheats(t *testing.T) {
	for _, c := range slices.Concat(here(), ofC()) {
		t.Run(c.name, c.try)
	}
}

func (c cheat) try(t *testing.T) {
	t.Parallel()
	r := Examine(c.build(t))
	if r.Conclusion != c.conclusion {
		t.Errorf("%s, want %s", r.Conclusion, c.conclusion)
	}
	if c.check == "" && len(r.Failed())+len(r.Unjudged) > 0 {
		t.Errorf("found %q, unjudged %q", r.Failed(), r.Unjudged)
	}
	for _, check := range r.Checks {
		if check.Name == c.check && !slices.Equal(check.Found, c.places) {
			t.Errorf("%s: %q, want %q", c.check, check.Found, c.places)
		}
	}
}

func (c cheat) build(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	system, arch, _ := strings.Cut(c.platform, "/")
	if c.platform == "" {
		system, arch = runtime.GOOS, runtime.GOARCH
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./testdata/cheats/"+c.dir)
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0", "GOEXPERIMENT=")
	if c.compiler != "" {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1", "CC="+c.compiler)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", c.dir, err, out)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
