package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/confine"
	"byok/internal/exitcode"
	"byok/internal/testkit/softhsm"
)

// deadlyStage has a world behind a library that can end its process in every
// way (testdata/deadly.c), and else is SoftHSM.
func deadlyStage(t *testing.T) *stage {
	t.Helper()
	library := filepath.Join(openFolder(t), "deadly.so")
	line := []string{"-Wall", "-Wextra", "-Wno-infinite-recursion", "-O1", "-shared", "-fPIC", "-pthread",
		"-DREAL=\"" + mustDo(softhsm.Library())(t) + "\"", "-o", library, "testdata/deadly.c", "-ldl"}
	if out, err := exec.Command("cc", line...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("cc (apt-get install gcc libc6-dev): %v\n%s", err, out)
	}
	s := newStage(t)
	s.library = library
	s.must(t, strings.Replace(reachOf(t, created).lines[0], "SHIM", library, 1))
	return s
}

// way is one by which a library ends its process.
type way struct{ how, says string }

const segmentation, abortion = "SIGSEGV: segmentation violation", "SIGABRT: abort"

var ways = []way{
	{"leaves", "exit status 0"},
	{"leaves_politely", "exit status 0"},
	{"becomes_another", "exit status 0"},
	{"aborts", abortion},
	{"reads_nothing", segmentation},
	{"jumps_to_nothing", segmentation},
	{"frees_twice", abortion},
	{"smashes_the_heap", abortion},
	{"smashes_the_stack", abortion},
	{"overflows_the_stack", segmentation},
	{"jumps_long", segmentation},
	{"crashes_in_a_thread", "killed by SIGSEGV"},
	{"raises_kill", "killed by SIGKILL"},
	{"raises_segv", segmentation},
	{"raises_bus", "SIGBUS: bus error"},
	{"raises_fpe", "SIGFPE: floating-point exception"},
	{"raises_ill", "SIGILL: illegal instruction"},
	{"raises_sys", "SIGSYS: bad system call"},
	{"raises_trap", "SIGTRAP: trace trap"},
	{"raises_abrt", abortion},
	{"raises_undisturbed", "killed by SIGTERM"},
}

// moment is when a library does so: a place in CK_FUNCTION_LIST.
type moment struct {
	name, at, line string
	every          bool // by every way; else by the few that stand for the others
}

// moments are before and after C_Initialize, in the middle of quorum sessions,
// and at the end, when all work is done. N is a number for each try.
func moments() []moment {
	const session = theQuorum
	return []moment{
		{"in a constructor", "constructor", thenCheck, true},
		{"in C_GetFunctionList", "list", thenCheck, false},
		{"in C_Initialize", "0", thenCheck, true},
		{"after C_Initialize", "4", thenCheck, false}, // C_GetSlotList
		{"in C_Finalize", "1", thenCheck, true},
		{"at the login of a quorum session", "18", "ceremony seal" + session, false},
		{"in the middle of a quorum session", "59", "key generate --ident kN --type EC" + session, true}, // C_GenerateKeyPair
	}
}

// TestDeadlyLibrary: a library that ends its process, in whatever way and at
// whatever moment, ends no more than that. The program says so in one line, with
// status 4 whatever the process's was and without a trace; the log has the end
// of the step, and the same command again does its work.
func TestDeadlyLibrary(t *testing.T) {
	s := deadlyStage(t)
	outlived, tried := 0, 0
	for _, m := range moments() {
		t.Run(m.name, func(t *testing.T) {
			for i, w := range ways {
				if !m.every && i%6 > 0 {
					continue
				}
				tried++
				line := s.filled(t, strings.ReplaceAll(m.line, "kN", fmt.Sprintf("k%d", i)))
				if s.outlives(t, line, m.at, w) {
					outlived++
				}
			}
			line := s.filled(t, strings.ReplaceAll(m.line, "kN", "k0"))
			s.must(t, line)
			s.must(t, thenVerify)
		})
	}
	t.Logf("ways to end the process of the library, outlived: %d of %d", outlived, tried)
}

// outlives runs a command of which the library ends its process.
func (s *stage) outlives(t *testing.T, line, at string, w way) bool {
	t.Helper()
	before := mustDo(ceremony.Read(s.path("kmdata")))(t)
	out := s.run(t, line, "BYOK_DEADLY_AT="+at, "BYOK_DEADLY_HOW="+w.how)
	out.oneClearLine(t, exitcode.HSM)
	const said = "the process that runs the HSM's library ended unexpectedly: "
	good := out.status == exitcode.HSM && strings.Join(out.errors, "") == "byok-offline: error: "+said+w.says+"\n" &&
		strings.Contains(out.text, "byok-offline: hint: run the same command again: it takes up what was begun"+w.hint()) &&
		!strings.Contains(out.text, "goroutine ")
	if !good {
		t.Errorf("%s, %s at %s: not %s\n%s", line, w.how, at, w.says, out.text)
	}
	if !strings.HasPrefix(line, "world check") {
		good = s.endRecorded(t, before, int(exitcode.HSM), said+w.says) && good
	}
	return good
}

// endRecorded holds the log to have grown by a step that failed so.
func (s *stage) endRecorded(t *testing.T, before ceremony.Record, status int, failure string) bool {
	t.Helper()
	after := mustDo(ceremony.Read(s.path("kmdata")))(t)
	last := after.Events[len(after.Events)-1]
	if len(after.Events) < len(before.Events)+2 || last.Phase != ceremony.End || last.Status != status ||
		last.Error != failure || len(after.Warnings) > 0 {
		t.Errorf("the log ends with %+v, %q", last, after.Warnings)
		return false
	}
	return true
}

// TestLibraryThatNeverReturns: the second Ctrl-C ends it, with status 130 and
// an end in the log, and the same command again does its work.
func TestLibraryThatNeverReturns(t *testing.T) {
	s := deadlyStage(t)
	before := mustDo(ceremony.Read(s.path("kmdata")))(t)
	line, mark := "key generate --ident k --type EC"+theQuorum, s.path("mark")
	cmd := s.command(nil, line, "BYOK_DEADLY_AT=59", "BYOK_DEADLY_HOW=never_returns", "BYOK_DEADLY_MARK="+mark)
	ended := make(chan []byte)
	go func() {
		out, _ := cmd.CombinedOutput()
		ended <- out
	}()
	for late := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(mark); err == nil {
			break
		}
		if time.Now().After(late) {
			t.Fatal("the library is not called")
		}
	}
	for range 2 {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	out := string(<-ended)
	const said = "interrupted before the step under way was finished"
	if status := cmd.ProcessState.ExitCode(); status != int(exitcode.Interrupted) ||
		strings.Count(out, "byok-offline: error: ") != 1 || !strings.Contains(out, "byok-offline: error: "+said+"\n") ||
		!strings.HasSuffix(out, "Result: FAILURE\n") {
		t.Errorf("status %d\n%s", status, out)
	}
	s.endRecorded(t, before, int(exitcode.Interrupted), said)
	s.must(t, line)
}

// hint is the end of the next step: no library kills its process for want of a
// socket.
func (w way) hint() string {
	if w.says == "killed by SIGKILL" {
		return "\n"
	}
	return "; or " + confine.NetworkHint + "\n"
}
