package child

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"byok/internal/interrupt"
)

// TestMain plays the child, which the first argument says what to do, with a file in
// which it says what it has heard.
func TestMain(m *testing.M) {
	if len(os.Args) != 3 || os.Args[0] == "" || strings.HasPrefix(os.Args[1], "-") {
		m.Run()
		return
	}
	heard, file := make(chan os.Signal, 1), os.Args[2]
	signal.Notify(heard, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	say := func(text string) {
		_ = os.WriteFile(file+".new", []byte(text), 0o600)
		_ = os.Rename(file+".new", file)
	}
	switch os.Args[1] {
	case "exit":
		os.Exit(7)
	case "die":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "listen":
		say(fmt.Sprint(os.Getpid()))
		select {
		case s := <-heard:
			say(s.String())
			os.Exit(130)
		case <-time.After(3 * grace):
			say("nothing")
		}
	case "parent": // of a child that listens
		_, _ = Again([]string{"listen", file}, true)
	}
}

// says waits for what a child says, after it has said that it is there.
func says(t *testing.T, file, before string) string {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if text, err := os.ReadFile(file); err == nil && string(text) != before {
			return string(text)
		}
	}
	t.Fatal("the child says nothing")
	return ""
}

// TestStatus: how a child has ended is the status of a shell.
func TestStatus(t *testing.T) {
	for does, want := range map[string]int{"exit": 7, "die": 128 + 9} {
		if got, err := Again([]string{does, filepath.Join(t.TempDir(), "said")}, true); err != nil || got != want {
			t.Errorf("%s: %d, %v", does, got, err)
		}
	}
	if output(true) != os.Stderr || output(false) != os.Stdout {
		t.Error("the results of a child go somewhere else")
	}
}

// TestSignals: what may have been meant for this process alone is passed on; what the
// keyboard sends is not, since the child hears it itself.
func TestSignals(t *testing.T) {
	keep := make(chan os.Signal, 9) // this process hears them as well, and goes on
	interrupt.Notify(keep)
	defer interrupt.Stop(keep)
	for _, c := range []struct {
		signal syscall.Signal
		status int
		said   string
	}{
		{syscall.SIGTERM, 130, "terminated"},
		{syscall.SIGHUP, 130, "hangup"},
		{syscall.SIGINT, 0, "nothing"},
	} {
		file := filepath.Join(t.TempDir(), "said")
		done := make(chan int)
		go func() {
			status, _ := Again([]string{"listen", file}, true)
			done <- status
		}()
		says(t, file, "")
		if err := syscall.Kill(os.Getpid(), c.signal); err != nil {
			t.Fatal(err)
		}
		status := <-done
		if said, _ := os.ReadFile(file); status != c.status || string(said) != c.said {
			t.Errorf("%v: status %d, the child heard %s", c.signal, status, said)
		}
	}
}

// TestKilled: a child is told when the process that started it is killed.
func TestKilled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "said")
	parent := exec.Command("/proc/self/exe", "parent", file)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid := says(t, file, "")
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	if said := says(t, file, pid); said != "terminated" {
		t.Errorf("the child heard %s", said)
	}
}

// TestStopped: while a child is stopped so is the process that waits for it, and both
// go on together.
func TestStopped(t *testing.T) {
	file := filepath.Join(t.TempDir(), "said")
	parent := exec.Command("/proc/self/exe", "parent", file)
	parent.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(says(t, file, ""), &pid); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		var state syscall.WaitStatus
		if _, err := syscall.Wait4(parent.Process.Pid, &state, syscall.WUNTRACED, nil); err != nil || !state.Stopped() {
			t.Fatalf("%v, %v", state, err)
		}
		// The parent alone: it has the child go on.
		if err := syscall.Kill(parent.Process.Pid, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if _, err := syscall.Wait4(parent.Process.Pid, &state, syscall.WCONTINUED, nil); err != nil || !state.Continued() {
			t.Fatalf("%v, %v", state, err)
		}
		goesOn(t, pid) // before it is stopped again: otherwise that is what the parent undoes
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := parent.Wait(); err != nil {
		t.Error(err)
	}
}

// goesOn waits until a process is not stopped any more.
func goesOn(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // proc_pid_stat(5): the state is behind the name
		if err == nil && !strings.Contains(string(stat), ") T ") {
			return
		}
	}
	t.Fatal("the child stays stopped")
}

// TestWaitFails for a process that is not a child, and for a program that cannot be
// started.
func TestWaitFails(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, err := Wait(1, func() {}); err == nil || err.Error() != "wait4: no child processes" {
		t.Error(err)
	}
	if _, err := Again([]string{"exit\x00", ""}, true); err == nil {
		t.Error("an argument with a zero byte was passed")
	}
}
