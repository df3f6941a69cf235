package interrupt

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// jobVariable has a copy of the test program do a job of its own: a relay, and
// the end of a process, cannot be undone.
const jobVariable = "INTERRUPT_TEST_JOB"

func TestMain(m *testing.M) {
	job := os.Getenv(jobVariable)
	if job == "" {
		m.Run()
		return
	}
	fmt.Println(jobs()[job]())
}

func jobs() map[string]func() string {
	return map[string]func() string{
		"relay": relayed,
		"signals": func() string {
			return fmt.Sprint(Signals())
		},
		"end": func() string {
			End(syscall.SIGTERM)
			time.Sleep(time.Minute)
			return "still there"
		},
		"end of a worker": func() string {
			Relay(strings.NewReader(""))
			End(syscall.SIGTERM)
			time.Sleep(time.Minute)
			return "still there"
		},
	}
}

// relayed has two listeners, of which the one stops, and the system's own
// signals, which must not count.
func relayed() string {
	in, out, err := os.Pipe()
	if err != nil {
		return err.Error()
	}
	Relay(in)
	first, second, all := make(chan os.Signal, 2), make(chan os.Signal, 2), make(chan os.Signal, 9)
	Notify(all)
	Notify(first)
	Notify(second)
	for _, s := range Signals() {
		if err := syscall.Kill(os.Getpid(), s.(syscall.Signal)); err != nil {
			return err.Error()
		}
	}
	_, _ = out.Write([]byte{byte(syscall.SIGHUP)})
	heard := []os.Signal{<-first, <-second}
	Stop(second)
	// One more than the first has room for, and no one waits for it.
	_, _ = out.Write([]byte{byte(syscall.SIGINT), byte(syscall.SIGTERM), byte(syscall.SIGQUIT), byte(syscall.SIGHUP)})
	_ = out.Close()
	for range 5 {
		<-all
	}
	heard = append(heard, <-first, <-first)
	select {
	case s := <-second:
		heard = append(heard, s)
	case s := <-first:
		heard = append(heard, s)
	case <-time.After(100 * time.Millisecond):
	}
	return fmt.Sprint(heard)
}

// does runs a job and returns what it says, and how it ended.
func does(t *testing.T, job string, under ...string) (said string, state *os.ProcessState) {
	t.Helper()
	line := append(under, os.Args[0])
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), jobVariable+"="+job, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.Output()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out)), cmd.ProcessState
}

func TestRelay(t *testing.T) {
	if got, _ := does(t, "relay"); got != "[hangup hangup interrupt terminated]" {
		t.Errorf("heard %s", got)
	}
}

// TestSignals: nohup is heeded, and nothing else that was ignored.
func TestSignals(t *testing.T) {
	if got, _ := does(t, "signals"); got != "[interrupt terminated quit hangup]" {
		t.Errorf("%s", got)
	}
	if got, _ := does(t, "signals", "sh", "-c", `trap "" HUP INT; exec "$0"`); got != "[interrupt terminated quit]" {
		t.Errorf("under nohup: %s", got)
	}
}

func TestEnd(t *testing.T) {
	for job, want := range map[string]string{"end": "signal: terminated", "end of a worker": "signal: killed"} {
		if said, state := does(t, job); said != "" || state.String() != want {
			t.Errorf("%s: %v, %q", job, state, said)
		}
	}
}

// TestEndNothing: a signal that ends no process is sent all the same.
func TestEndNothing(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGCHLD)
	End(syscall.SIGCHLD)
	if signal.Stop(c); len(c) > 0 {
		t.Error("the signal still had a listener")
	}
}

// TestWithoutRelay: signals come from the system, until they are stopped.
func TestWithoutRelay(t *testing.T) {
	others := make(chan os.Signal, 1) // keeps the process alive
	signal.Notify(others, syscall.SIGHUP)
	defer signal.Stop(others)
	c := make(chan os.Signal, 1)
	Notify(c)
	for _, stopped := range []bool{false, true} {
		if stopped {
			Stop(c)
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		<-others
		select {
		case s := <-c:
			if stopped || s != syscall.SIGHUP {
				t.Errorf("stopped %v: heard %v", stopped, s)
			}
		case <-time.After(time.Second):
			if !stopped {
				t.Error("heard nothing")
			}
		}
	}
	if !slices.Contains(Signals(), os.Signal(syscall.SIGHUP)) {
		t.Error("SIGHUP is ignored here: the test shows nothing")
	}
}
