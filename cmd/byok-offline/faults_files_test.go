package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// fileStep is one system call with which the program changes a file of its own.
type fileStep struct {
	call string
	nth  int    // among the main thread's calls of that name
	path string // relative to the ceremony's folder, without what is random in it
}

// fileFault is what strace has a step come to.
type fileFault struct{ name, inject string }

// fileFaults are the faults that make sense for a system call.
func fileFaults(call string) []fileFault {
	all := []fileFault{{"EIO", "error=EIO"}, {"KILL", "signal=KILL"}}
	if call == "write" {
		all = append(all, fileFault{"ENOSPC", "error=ENOSPC"})
	}
	return all
}

// TestFileFaults has every write, fsync, rename and removal of every command
// fail once, and kills the process at it once. What is said and left is judged
// as in TestFaults.
func TestFileFaults(t *testing.T) {
	if _, err := exec.LookPath("strace"); errors.Is(err, exec.ErrNotFound) {
		t.Fatal("strace is not installed, and this test needs it: apt-get install strace")
	}
	r := newRig(t)
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			c := r.prepare(t, s)
			r.undisturbed(t, &c)
			steps := r.fileSteps(t, c)
			tried, n := &tally{}, 0
			t.Run("at", func(t *testing.T) {
				for i, step := range steps {
					for j, f := range fileFaults(step.call) {
						n++
						if os.Getenv(faultVariable) != "all" && (i+j)%6 != 0 {
							continue
						}
						t.Run(fmt.Sprintf("%s_%d_%s", step.call, step.nth, f.name), func(t *testing.T) {
							t.Parallel()
							defer tried.count(t)
							r.survivesFile(t, c, step, f, tried)
						})
					}
				}
			})
			fmt.Printf("%s: files: %v (of %d faults at %d system calls)\n", s.name, tried, n, len(steps))
		})
	}
}

// traced are the system calls that change files, and those that tell which file.
const traced = "openat,close,write,fsync,renameat,renameat2,unlinkat,ftruncate"

// fileSteps lists the steps of an undisturbed run.
func (r *rig) fileSteps(t *testing.T, c ceremonyCase) []fileStep {
	t.Helper()
	dir := r.copyOf(t, c.dir)
	out, trace := r.straced(t, dir, c.subject)
	if out.status != exitcode.Done {
		t.Fatalf("%s under strace: status %d\n%s", c.subject.name, out.status, out.text)
	}
	steps := stepsOf(trace, dir)
	if len(steps) == 0 {
		t.Fatalf("strace shows no file of %s", c.subject.name)
	}
	return steps
}

func (r *rig) straced(t *testing.T, dir string, s subject, options ...string) (outcome, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "trace")
	under := append([]string{"strace", "-f", "-qq", "-s", "0", "-o", file, "-e", "trace=" + traced}, options...)
	out := r.runUnder(t, under, dir, s)
	return out, string(mustDo(os.ReadFile(file))(t))
}

func (r *rig) survivesFile(t *testing.T, c ceremonyCase, step fileStep, f fileFault, y *tally) {
	dir := r.copyOf(t, c.dir)
	first, trace := r.straced(t, dir, c.subject, "-e", fmt.Sprintf("inject=%s:%s:when=%d", step.call, f.inject, step.nth))
	first.text = fmt.Sprintf("%s of %s: %s\n%s", step.call, step.path, f.name, first.text)
	if !contains(stepsOf(trace, dir), step) || first.killed != (f.name == "KILL") || !first.killed && !strings.Contains(trace, "(INJECTED)") {
		t.Fatalf("the fault did not happen\n%s", first.text)
	}
	if !first.killed {
		first.oneClearLine(t, exitcode.Failed)
	}
	r.endsWell(t, c, dir, first, y)
}

func contains(steps []fileStep, step fileStep) bool {
	for _, s := range steps {
		if s == step {
			return true
		}
	}
	return false
}

var (
	straceLine = regexp.MustCompile(`^(\d+) +(\w+)\((.*)$`)
	resumed    = regexp.MustCompile(`^(\d+) +<\.\.\. \w+ resumed>(.*)$`)
	quoted     = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	random     = regexp.MustCompile(`\.tmp-[0-9A-Z]+|test-[0-9]+`)
)

// stepsOf reads strace's record of the main thread: the steps that change
// files in dir, but for the token's, which are the HSM's affair, and the note
// of who holds kmdata.
func stepsOf(trace, dir string) (steps []fileStep) {
	open, seen := map[string]string{}, map[string]int{}
	for _, c := range mainCalls(trace) {
		seen[c.name]++
		path := open[c.descriptor()]
		switch c.name {
		case "openat":
			open[c.result()] = c.lastQuoted()
			continue
		case "close":
			delete(open, c.descriptor())
			continue
		case "renameat", "renameat2", "unlinkat":
			path = c.lastQuoted()
		}
		if !filepath.IsAbs(path) && path != "" {
			path = filepath.Join(dir, path)
		}
		inside, ours := strings.CutPrefix(path, dir+"/")
		if ours && !strings.HasPrefix(inside, "tokens/") && filepath.Base(inside) != ".held-by" {
			inside = varying.Replace(random.ReplaceAllString(inside, ""))
			steps = append(steps, fileStep{c.name, seen[c.name], inside})
		}
	}
	return steps
}

// tracedCall is one line of strace's.
type tracedCall struct{ name, rest string }

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
	all := quoted.FindAllStringSubmatch(c.rest, -1)
	if len(all) == 0 {
		return ""
	}
	text, err := strconv.Unquote(`"` + all[len(all)-1][1] + `"`)
	if err != nil {
		return all[len(all)-1][1]
	}
	return text
}

// mainCalls are the main thread's calls, each put together again where
// another thread's came between.
func mainCalls(trace string) (calls []tracedCall) {
	main := ""
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
		if main == "" {
			main = m[1]
		}
		if m[1] == main {
			calls = append(calls, tracedCall{m[2], strings.TrimSuffix(m[3], " <unfinished ...>")})
		}
	}
	return calls
}
