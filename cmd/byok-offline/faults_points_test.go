package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
)

// point is a step of a command at which something goes wrong: a PKCS#11 call,
// or a system call that changes a file.
type point struct {
	call string
	nth  int    // among all PKCS#11 calls; among the main thread's system calls of that name
	path string // of a file, relative to the stage, without what is random in it
}

// fault is a way for a step to go wrong.
type fault struct {
	name    string
	do      string        // for the shim (SHIM_DO) or for strace (inject=)
	file    bool          // strace injects it
	lasting bool          // every later call too
	killed  bool          // the process that runs the library ends with it
	status  exitcode.Code // of the program's error
}

// callFaults are those of PKCS#11 calls.
func callFaults() []fault {
	return []fault{
		{name: "failed", do: "fail=0x30", status: exitcode.HSM},                      // CKR_DEVICE_ERROR
		{name: "answer lost", do: "fail-after=0x30", status: exitcode.HSM},           // the token has done it
		{name: "dead", do: "fail=0x32", lasting: true, status: exitcode.HSM},         // CKR_DEVICE_REMOVED
		{name: "killed", do: "kill", killed: true, status: exitcode.HSM},             // before
		{name: "killed after", do: "kill-after", killed: true, status: exitcode.HSM}, // the token has done it
	}
}

// fileFaults are those that make sense for a system call.
func fileFaults(call string) []fault {
	all := []fault{
		{name: "EIO", do: "error=EIO", file: true, status: exitcode.Failed},
		{name: "killed", do: "signal=KILL", file: true, killed: true},
	}
	if call == "write" {
		all = append(all, fault{name: "ENOSPC", do: "error=ENOSPC", file: true, status: exitcode.Failed})
	}
	return all
}

// callPoints lists the PKCS#11 calls of an undisturbed run.
func (s *stage) callPoints(t testing.TB, line string) (points []point) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "calls")
	s.must(t, line, "BYOK_SHIM_LOG="+log)
	for i, call := range shim.Calls(t, log) {
		points = append(points, point{call: call, nth: i + 1})
	}
	return points
}

// filePoints lists the steps of an undisturbed run that change files.
func (s *stage) filePoints(t testing.TB, line string) []point {
	t.Helper()
	out, trace := s.straced(t, line, "-f", "--seccomp-bpf")
	if out.status != exitcode.Done {
		t.Fatalf("%s under strace: status %d\n%s", line, out.status, out.text)
	}
	steps := stepsOf(trace, s.dir)
	if len(steps) == 0 {
		t.Fatalf("strace shows no file of %s", line)
	}
	return steps
}

// disturbed runs a command line with a fault at a point. hit is false if no file
// of the ceremony met it: how often the library and the run-time call write
// differs from run to run, and shifts the count.
func (s *stage) disturbed(t testing.TB, line string, p point, f fault) (out ending, hit bool) {
	t.Helper()
	if !f.file {
		at := "BYOK_SHIM_AT=" + strconv.Itoa(p.nth)
		if f.lasting {
			at += "+"
		}
		out = s.run(t, line, at, "BYOK_SHIM_DO="+f.do)
		return out, out.killed == f.killed
	}
	out, trace := s.straced(t, line, "-e", fmt.Sprintf("inject=%s:%s:when=%d", p.call, f.do, p.nth))
	hit = out.killed == f.killed && (f.killed || strings.Contains(trace, "(INJECTED)"))
	met := func(step point) bool { return step.call == p.call && step.nth == p.nth }
	return out, hit && slices.ContainsFunc(stepsOf(trace, s.dir), met)
}

// traced are the system calls that change files, and those that show which. To
// fail at opening a file is to fail at its first write; how often the library
// opens files differs from run to run.
const traced = "openat,close,write,fsync,renameat,renameat2,unlinkat,ftruncate,mkdirat"

// straced runs a command line under strace. It counts a thread's calls, and the
// program's work is in the main thread (see build). With -f it follows the
// others too, which is quicker, since only then the kernel picks the calls;
// but then it delivers no signals.
func (s *stage) straced(t testing.TB, line string, options ...string) (ending, string) {
	t.Helper()
	if _, err := exec.LookPath("strace"); errors.Is(err, exec.ErrNotFound) {
		t.Fatal("strace is not installed, and this test needs it: apt-get install strace")
	}
	file := filepath.Join(t.TempDir(), "trace")
	under := append([]string{"strace", "-qq", "-s", "0", "-o", file, "-e", "trace=" + traced}, options...)
	out := s.runUnder(t, under, line)
	return out, string(mustDo(os.ReadFile(file))(t))
}

var (
	straceLine = regexp.MustCompile(`^(?:(\d+) +)?(\w+)\((.*)$`)
	resumed    = regexp.MustCompile(`^(\d+) +<\.\.\. \w+ resumed>(.*)$`)
	quotedText = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	random     = regexp.MustCompile(`\.tmp-[0-9A-Z]+|test-[0-9]+`)
)

// stepsOf reads strace's record of the main thread: the steps that change files
// in dir, except the token's, which are the HSM's affair, and locks.
func stepsOf(trace, dir string) (steps []point) {
	open, seen := map[string]string{}, map[string]int{}
	for _, c := range mainCalls(trace) {
		seen[c.name]++
		if inside, ours := strings.CutPrefix(c.file(open, dir), dir+"/"); ours && c.changes() && worthIt(inside) {
			inside = varying.Replace(random.ReplaceAllString(inside, ""))
			steps = append(steps, point{c.name, seen[c.name], inside})
		}
	}
	return steps
}

// mainCalls are the main thread's calls, each put together again where another
// thread's came between.
func mainCalls(trace string) (calls []tracedCall) {
	first, main := true, ""
	for line := range strings.Lines(trace) {
		line = strings.TrimSuffix(line, "\n")
		if m := resumed.FindStringSubmatch(line); m != nil && m[1] == main && len(calls) > 0 {
			calls[len(calls)-1].rest += m[2]
			continue
		}
		m := straceLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if first {
			first, main = false, m[1]
		}
		if m[1] == main {
			calls = append(calls, tracedCall{m[2], strings.TrimSuffix(m[3], " <unfinished ...>")})
		}
	}
	return calls
}

// worthIt leaves out what no world depends on: locks, and notes of who has them.
func worthIt(path string) bool {
	held := slices.Contains([]string{".held-by", ".quorum-session"}, filepath.Base(path))
	return !held && !strings.HasPrefix(path, "tokens/") && !strings.HasPrefix(path, "tmp/")
}

// tracedCall is one line of strace's.
type tracedCall struct{ name, rest string }

// changes reports whether a system call changes a file.
func (c tracedCall) changes() bool {
	return c.name != "close" && c.name != "openat"
}

// file returns the path that a call is about, and keeps track of descriptors.
func (c tracedCall) file(open map[string]string, dir string) (path string) {
	switch c.name {
	case "openat":
		path = absolute(c.lastQuoted(), dir)
		open[c.result()] = path
		return path
	case "close":
		delete(open, c.descriptor())
		return ""
	case "renameat", "renameat2", "unlinkat", "mkdirat":
		return absolute(c.lastQuoted(), dir)
	}
	return open[c.descriptor()]
}

func absolute(path, dir string) string {
	if filepath.IsAbs(path) || path == "" {
		return path
	}
	return filepath.Join(dir, path)
}

func (c tracedCall) descriptor() string {
	number, _, _ := strings.Cut(c.rest, ",")
	number, _, _ = strings.Cut(number, ")")
	return number
}

func (c tracedCall) result() string {
	_, result, _ := strings.Cut(c.rest, ") = ")
	number, _, _ := strings.Cut(result, " ")
	return number
}

func (c tracedCall) lastQuoted() string {
	all := quotedText.FindAllStringSubmatch(c.rest, -1)
	if len(all) == 0 {
		return ""
	}
	text, err := strconv.Unquote(`"` + all[len(all)-1][1] + `"`)
	if err != nil {
		return all[len(all)-1][1]
	}
	return text
}
