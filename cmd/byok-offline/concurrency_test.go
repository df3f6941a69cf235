package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
)

// stopped starts a command that stops itself at a call of the library.
func (s *stage) stopped(t *testing.T, line, at string) *exec.Cmd {
	t.Helper()
	cmd := s.command(nil, line, "BYOK_SHIM_AT="+at, "BYOK_SHIM_DO=stop")
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("%s: it did not stop at %s: %v, %v", line, at, status, err)
	}
	return cmd
}

// childOf is the worker of a program that runs.
func childOf(t *testing.T, pid int) int {
	t.Helper()
	var children string
	for _, task := range mustDo(os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)))(t) {
		list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		children += string(list)
	}
	return mustDo(strconv.Atoi(strings.TrimSpace(children)))(t)
}

// ended sends a stopped command a signal and waits for its end, and for its
// worker's, which a killed supervisor does not wait for.
func ended(t *testing.T, cmd *exec.Cmd, signal syscall.Signal) {
	t.Helper()
	worker := mustDo(unix.PidfdOpen(childOf(t, cmd.Process.Pid), 0))(t)
	defer unix.Close(worker)
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); (err == nil) != (signal == syscall.SIGCONT) {
		t.Fatalf("the first command: %v", err)
	}
	const patience = 10_000 // milliseconds
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(worker), Events: unix.POLLIN}}, patience)
		if err != unix.EINTR {
			if n != 1 {
				t.Fatalf("the worker goes on: %v", err)
			}
			return
		}
	}
}

// refuses expects status Refused and one line of error, in full.
func (s *stage) refuses(t *testing.T, line, want string) {
	t.Helper()
	got := s.run(t, line)
	got.oneClearLine(t, exitcode.Refused)
	if text := strings.Join(got.errors, ""); text != "byok-offline: error: "+want+"\n" {
		t.Errorf("%s:\n got %swant %s", line, text, want)
	}
}

// TestTwoCommands stops a step in the middle of its work on the token: another
// step on the same kmdata is refused with who holds it, commands that only look
// are not, and the hold ends with its process, however that ends.
func TestTwoCommands(t *testing.T) {
	s := newRepertoire(t).after("world create")
	session := withPINs + flagsOf("", "card1 card2")
	for i, end := range []syscall.Signal{syscall.SIGCONT, syscall.SIGKILL} {
		t.Run(end.String(), func(t *testing.T) {
			generate := fmt.Sprintf("key generate --ident first%d --type EC"+session, i)
			first := s.stopped(t, generate, "C_GenerateKeyPair")
			for _, line := range []string{"key generate --ident second --type AES --without-quorum" + withPINs,
				"ceremony seal" + session, "world check" + withPINs} {
				s.refuses(t, line, fmt.Sprintf("%s is in use by byok-offline key generate, process %d",
					s.path("kmdata"), first.Process.Pid))
			}
			s.must(t, "world info")
			s.must(t, "key list")
			ended(t, first, end)
			if end == syscall.SIGKILL {
				s.must(t, generate)
			}
			s.must(t, fmt.Sprintf("key generate --ident second%d --type EC"+session, i))
			s.sound(t, subject{})
		})
	}
}

var tokenBusy = regexp.MustCompile(
	`^byok-offline: error: \S+/tmp/byok-token-[0-9a-f]{16}\.lock is in use by a quorum session\n$`)

// TestTwoCopies works on one token with two copies of kmdata. While a quorum
// session is open on the one, none begins on the other. Afterwards the token's
// anchor knows a statement that the other copy lacks: a session there is shown
// what is missing, and signs only with a reason.
func TestTwoCopies(t *testing.T) {
	s := newRepertoire(t).after("world create")
	if out, err := exec.Command("cp", "-a", s.path("kmdata"), s.path("other")).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	seal := "ceremony seal" + withPINs + flagsOf("", "card1 card2")
	first := s.stopped(t, "key generate --ident k --type EC"+withPINs+flagsOf("", "card1 card2"), "C_GenerateKeyPair")
	busy := s.run(t, seal+" --kmdata other")
	busy.oneClearLine(t, exitcode.Refused)
	if !tokenBusy.MatchString(strings.Join(busy.errors, "")) {
		t.Errorf("the second session: %s", busy.text)
	}
	ended(t, first, syscall.SIGCONT)
	last := s.chain(t).Last()
	behind := s.run(t, seal+" --kmdata other")
	missing := fmt.Sprintf("the record is incomplete: the token's anchor knows statement %d, and kmdata ends with %d",
		last.Number(), last.Number()-1)
	if behind.status == exitcode.Done || !strings.Contains(behind.text, missing) {
		t.Errorf("status %d, and not %q:\n%s", behind.status, missing, behind.text)
	}
	out := s.must(t, seal+` --kmdata other --break-reason "a copy was used by mistake"`)
	if signed := fmt.Sprintf("statement %d (seal) is signed", last.Number()+1); !strings.Contains(out.text, signed) {
		t.Errorf("not %q:\n%s", signed, out.text)
	}
	forked := s.run(t, seal) // the first copy meets an anchor above its own
	if forked.status == exitcode.Done {
		t.Errorf("the first copy goes on without a word:\n%s", forked.text)
	}
}

// TestManyCommands runs many steps on one kmdata at once, again and again until
// each has been let in. The log is one chain in which every command begins and
// ends, and every key is there once.
func TestManyCommands(t *testing.T) {
	s := newRepertoire(t).after("world create")
	const keys = 6
	refused := s.allAtOnce(t, keys)
	if refused == 0 {
		t.Error("no command was ever in the way of another: the test shows nothing")
	}
	record := mustDo(ceremony.Read(s.path("kmdata")))(t)
	if len(record.Warnings) > 0 {
		t.Errorf("%q", record.Warnings)
	}
	count := map[string]int{}
	for _, e := range record.Events {
		if e.Command == "key generate" {
			count[string(e.Phase)+e.Result]++
		}
	}
	if count["begin"] != keys+refused || count["endSUCCESS"] != keys || count["endFAILURE"] != refused {
		t.Errorf("%v, with %d keys and %d refused", count, keys, refused)
	}
	s.sound(t, subject{})
}

// allAtOnce generates n keys at once, and says how often a command was refused.
func (s *stage) allAtOnce(t *testing.T, n int) (refused int) {
	var wait sync.WaitGroup
	var mutex sync.Mutex
	for i := range n {
		wait.Go(func() {
			for {
				out := s.run(t, fmt.Sprintf("key generate --ident k%d --type AES --without-quorum%s", i, withPINs))
				if out.status == exitcode.Done {
					return
				}
				if out.status != exitcode.Refused || !strings.Contains(out.text, " is in use by ") {
					t.Errorf("k%d: %s", i, out.text)
					return
				}
				mutex.Lock()
				refused++
				mutex.Unlock()
			}
		})
	}
	wait.Wait()
	return refused
}
