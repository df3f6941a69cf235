package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
)

// TestTwoCommands stops a step in the middle of its work on the token: another
// step is refused with who holds kmdata, commands that only look are not, and
// the hold ends with its process, however that ends.
func TestTwoCommands(t *testing.T) {
	eachOn(t, map[string]func(*testing.T, *station){"quorum of 3/4": func(t *testing.T, s *station) {
		f := newField(t, s).begin(t)
		f.create(t)
		f.setenv("SHIM_MODULE", f.module)
		f.module = shim.Build(t)
		for _, end := range []syscall.Signal{syscall.SIGCONT, syscall.SIGKILL} {
			t.Run(end.String(), func(t *testing.T) { f.holds(t, end) })
		}
		f.must(t, "world check"+withPIN)
	}})
}

// holds has a first command stop itself at the key's generation, tries others
// meanwhile, and lets it end.
func (f *field) holds(t *testing.T, end syscall.Signal) {
	first, _ := f.start(t, "key generate --ident first-"+end.String()[:1]+" --type EC --module-path "+f.module+withPIN, "SHIM_AT=C_GenerateKeyPair", "SHIM_DO=stop")
	defer first.Process.Kill()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(first.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("it did not stop: %v, %v", status, err)
	}
	busy := fmt.Sprintf("error: %s is in use by byok-offline key generate, process %d\nhint: wait until it has ended, then run the command again\n",
		f.path("kmdata"), first.Process.Pid)
	for _, line := range []string{"key generate --ident second --type EC" + withPIN, "world check" + withPIN,
		"world replace-cards --acs-quorum 1/1 --new-holder Eve" + withPIN + withCards("", 1, 2, 3) + withCards("new-", 8)} {
		expectResult(t, f.run(t, line), result{exitcode.Refused, "Result: FAILURE\n", busy})
	}
	f.must(t, "world info")
	f.must(t, "key list")
	if err := first.Process.Signal(end); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); (err == nil) != (end == syscall.SIGCONT) {
		t.Fatalf("the first command: %v", err)
	}
	f.must(t, "key generate --ident second-"+end.String()[:1]+" --type EC"+withPIN)
}

// start starts the program with its messages in a buffer.
func (f *field) start(t *testing.T, line string, env ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	var said bytes.Buffer
	cmd := f.command(f.binary, strings.Fields(line)...)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &said
}

// TestManyCommands runs many steps on one kmdata at once, again and again until
// each has been let in. Those refused have not called the HSM at all; the
// calls of the others are those of one command after another; the log is one
// chain in which every command begins and ends.
func TestManyCommands(t *testing.T) {
	eachOn(t, map[string]func(*testing.T, *station){"quorum of 3/4": func(t *testing.T, s *station) {
		f := newField(t, s).begin(t)
		f.create(t)
		f.setenv("SHIM_MODULE", f.module)
		f.module = shim.Build(t)
		log := f.path("calls")
		f.setenv("SHIM_LOG", log)
		f.must(t, "key generate --ident k --type EC --module-path "+f.module+withPIN)
		once := shim.Calls(t, log)
		const keys = 6
		refused := f.allAtOnce(t, keys)
		if refused == 0 {
			t.Error("no command was ever in the way of another: the test shows nothing")
		}
		if all := shim.Calls(t, log); !slices.Equal(all, slices.Repeat(once, 1+keys)) {
			t.Errorf("%d calls, and not %d times the same %d", len(all), 1+keys, len(once))
		}
		f.chainIsWhole(t, keys, refused)
	}})
}

// allAtOnce generates n keys at once, and says how often a command was refused.
func (f *field) allAtOnce(t *testing.T, n int) (refused int) {
	var wait sync.WaitGroup
	var mutex sync.Mutex
	for i := range n {
		wait.Go(func() {
			for {
				cmd, said := f.start(t, fmt.Sprintf("key generate --ident k%d --type EC --module-path %s%s", i, f.module, withPIN))
				if cmd.Wait() == nil {
					return
				}
				if cmd.ProcessState.ExitCode() != int(exitcode.Refused) || !strings.Contains(said.String(), " is in use by ") {
					t.Errorf("k%d: %s", i, said)
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

// chainIsWhole reads the log back, and everything that the commands left.
func (f *field) chainIsWhole(t *testing.T, keys, refused int) {
	f.must(t, "ceremony verify")
	record, err := ceremony.Read(f.path("kmdata"))
	if err != nil || len(record.Warnings) > 0 {
		t.Fatalf("%v %q", err, record.Warnings)
	}
	count := map[string]int{}
	for _, e := range record.Events {
		if e.Command == "key generate" {
			count[string(e.Phase)+e.Result]++
		}
	}
	if count["begin"] != 1+keys+refused || count["endSUCCESS"] != 1+keys || count["endFAILURE"] != refused {
		t.Errorf("%v, with %d keys and %d refused", count, 1+keys, refused)
	}
	if pending := mustDo(filepath.Glob(f.path("kmdata/local/*.pending")))(t); len(pending) > 0 {
		t.Errorf("left: %q", pending)
	}
	f.must(t, "world check --module-path "+f.module+withPIN)
}
