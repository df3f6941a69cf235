package durable

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"byok/internal/exitcode"
)

// jobVariable names the job a copy of the test program does in place of the
// tests, with the folder it works in as its only argument.
const jobVariable = "DURABLE_TEST_JOB"

func TestMain(m *testing.M) {
	job := os.Getenv(jobVariable)
	if job == "" {
		m.Run()
		return
	}
	runtime.LockOSThread() // strace counts the system calls of a thread
	if err := jobs(os.Args[1])[job](); err != nil {
		fmt.Printf("status %d: %v\n", exitcode.Of(err), err)
		return
	}
	fmt.Println("done")
}

func jobs(dir string) map[string]func() error {
	return map[string]func() error{
		"set": func() error {
			s := NewSet()
			defer s.Discard()
			for _, name := range []string{"head", "manifest", "sig"} {
				f, err := s.Create(dir+"/"+name, 0o600)
				if err != nil {
					return err
				}
				if _, err := f.Write([]byte("whole")); err != nil {
					return err
				}
			}
			return s.Commit()
		},
		"replace": func() error { return Replace(dir+"/state", []byte("new"), 0o600) },
		"append":  func() error { return add(dir+"/log", "two") },
		"large": func() error {
			var before syscall.Rlimit
			if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
				return err
			}
			limit := syscall.Rlimit{Cur: 4096, Max: before.Max}
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
				return err
			}
			defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before) }() // for a record of coverage
			signal.Ignore(syscall.SIGXFSZ)
			large := []byte(strings.Repeat("x", 5000))
			s := NewSet()
			defer s.Discard()
			f, err := s.Create(dir+"/careless", 0o600)
			if err != nil {
				return err
			}
			_, _ = f.Write(large) // Commit must fail all the same
			return errors.Join(s.Commit(), WriteFile(dir+"/new", large, 0o600),
				Replace(dir+"/state", large, 0o600), add(dir+"/log", string(large)))
		},
	}
}

// run does a job, under strace with the faults given ("fsync:error=EIO:when=2"),
// and returns what it said; killed means that it could not finish.
func run(t *testing.T, dir, job string, faults ...string) (said string, killed bool) {
	t.Helper()
	line := []string{os.Args[0], dir}
	if len(faults) > 0 {
		strace := []string{"strace", "-f", "-qq", "-o", "/dev/null"}
		for _, f := range faults {
			strace = append(strace, "-e", "inject="+f)
		}
		line = slices.Concat(strace, line)
	}
	cmd := exec.Command(line[0], line[1:]...)
	// A race detector's copy would sleep for a second when it is done.
	cmd.Env = append(os.Environ(), jobVariable+"="+job, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return string(out), true
	}
	if err != nil {
		t.Fatalf("%s (install strace): %v\n%s", strings.Join(line, " "), err, out)
	}
	return strings.TrimSuffix(string(out), "\n"), false
}

// TestSetWithFaults fails one system call after the other: either the set is
// there as a whole, or the error is told and the folder is as before.
func TestSetWithFaults(t *testing.T) {
	for fault, want := range map[string]string{
		"write:error=ENOSPC:when=1":     "status 1: DIR/head cannot be written: no space left on device",
		"write:error=EIO:when=3":        "status 1: DIR/sig cannot be written: input/output error",
		"fsync:error=EIO:when=1":        "status 1: DIR/head cannot be written: input/output error",
		"fsync:error=EIO:when=3":        "status 1: DIR/sig cannot be written: input/output error",
		"renameat:error=EIO:when=1":     "status 1: DIR/manifest cannot be put into place: input/output error",
		"renameat:error=EROFS:when=2":   "status 1: DIR/sig cannot be put into place: read-only file system",
		"fsync:error=EIO:when=4":        "status 1: DIR/manifest cannot be put into place: input/output error",
		"renameat2:error=EIO:when=1":    "status 1: DIR/head cannot be put into place: input/output error",
		"fsync:error=EIO:when=5":        "status 1: DIR/head cannot be put into place: input/output error",
		"renameat2:error=EEXIST:when=1": "status 6: DIR/head already exists and is never overwritten",
		// What a file system may lack.
		"flock:error=ENOLCK:when=1+":    "done",
		"renameat2:error=EINVAL:when=1": "done",
		"fsync:error=EINVAL:when=4+":    "done",
	} {
		dir := t.TempDir()
		said, _ := run(t, dir, "set", fault)
		if said != strings.ReplaceAll(want, "DIR", dir) {
			t.Errorf("%s:\n got %s\nwant %s", fault, said, want)
		}
		if want == "done" {
			wantFiles(t, dir, "head=whole", "manifest=whole", "sig=whole")
		} else {
			wantFiles(t, dir)
		}
	}
}

// TestWithdrawalFails: a file that cannot be taken back is named too.
func TestWithdrawalFails(t *testing.T) {
	dir := t.TempDir()
	said, _ := run(t, dir, "set", "fsync:error=EIO:when=5", "unlinkat:error=EIO:when=1")
	want := fmt.Sprintf("status 1: %s/head cannot be put into place: input/output error; %s/head is left "+
		"behind: input/output error", dir, dir)
	if said != want {
		t.Errorf(" got %s\nwant %s", said, want)
	}
}

// TestKilledSet kills the process at every step: the head vouches for the
// whole set, and a second run removes what the first one left.
func TestKilledSet(t *testing.T) {
	for _, step := range []string{"flock:1", "write:1", "write:3", "fsync:1", "fsync:3", "flock:4", "renameat:1",
		"renameat:2", "fsync:4", "renameat2:1", "fsync:5"} {
		dir := t.TempDir()
		call, when, _ := strings.Cut(step, ":")
		if said, killed := run(t, dir, "set", call+":signal=KILL:when="+when); !killed {
			t.Errorf("%s: not killed: %s", step, said)
			continue
		}
		_, files := split(list(t, dir))
		if exists := slices.Contains(files, "head=whole"); exists != (step == "fsync:5") {
			t.Errorf("%s: %q", step, files)
		} else if exists {
			wantFiles(t, dir, "head=whole", "manifest=whole", "sig=whole")
			continue
		}
		if said, _ := run(t, dir, "set"); said != "done" {
			t.Errorf("%s: second run: %s", step, said)
		}
		wantFiles(t, dir, "head=whole", "manifest=whole", "sig=whole")
	}
}

// split separates temporaries from files that have their names.
func split(all []string) (temps, files []string) {
	for _, f := range all {
		if strings.HasPrefix(f, ".") {
			temps = append(temps, f)
		} else {
			files = append(files, f)
		}
	}
	return temps, files
}

func TestReplaceWithFaults(t *testing.T) {
	for fault, want := range map[string]string{
		"write:error=ENOSPC:when=1": "status 1: DIR/state cannot be written: no space left on device",
		"fsync:error=EIO:when=1":    "status 1: DIR/state cannot be written: input/output error",
		"renameat:error=EIO:when=1": "status 1: DIR/state cannot be put into place: input/output error",
	} {
		dir := t.TempDir()
		put(t, dir, "state", "old")
		if said, _ := run(t, dir, "replace", fault); said != strings.ReplaceAll(want, "DIR", dir) {
			t.Errorf("%s:\n got %s\nwant %s", fault, said, want)
		}
		wantFiles(t, dir, "state=old")
	}
	dir := t.TempDir()
	put(t, dir, "state", "old")
	if _, killed := run(t, dir, "replace", "renameat:signal=KILL:when=1"); !killed {
		t.Error("not killed")
	}
	if _, files := split(list(t, dir)); !slices.Equal(files, []string{"state=old"}) {
		t.Errorf("%q", files)
	}
	if said, _ := run(t, dir, "replace"); said != "done" {
		t.Errorf("second run: %s", said)
	}
	wantFiles(t, dir, "state=new")
}

func TestAppendWithFaults(t *testing.T) {
	for fault, want := range map[string]string{
		"flock:error=ENOLCK:when=1": "status 1: DIR/log cannot be appended to: no locks available",
		"write:error=ENOSPC:when=1": "status 1: DIR/log cannot be appended to: no space left on device",
		"fsync:error=EIO:when=1":    "status 1: DIR/log cannot be appended to: input/output error",
	} {
		dir := t.TempDir()
		put(t, dir, "log", "one\n")
		if said, _ := run(t, dir, "append", fault); said != strings.ReplaceAll(want, "DIR", dir) {
			t.Errorf("%s:\n got %s\nwant %s", fault, said, want)
		}
		wantFiles(t, dir, "log=one\n")
	}
	dir := t.TempDir()
	said, _ := run(t, dir, "append", "fsync:error=EIO:when=2")
	if want := "status 1: " + dir + "/log may not survive a power cut: input/output error"; said != want {
		t.Errorf(" got %s\nwant %s", said, want)
	}
}

// TestFileSizeLimit has the kernel cut a write short, as a full medium does.
func TestFileSizeLimit(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "state", "old")
	put(t, dir, "log", "one\n")
	said, _ := run(t, dir, "large")
	want := strings.ReplaceAll(`status 1: DIR/careless cannot be written: file too large
DIR/new cannot be written: file too large
DIR/state cannot be written: file too large
DIR/log cannot be appended to: file too large`, "DIR", dir)
	if said != want {
		t.Errorf(" got %s\nwant %s", said, want)
	}
	wantFiles(t, dir, "log=one\n", "state=old")
}
