package secondproc

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestStartGivesAListedEnvironment reads it from the kernel.
func TestStartGivesAListedEnvironment(t *testing.T) {
	t.Setenv("HOME", "/of/the/test")
	t.Setenv("SOFTHSM2_CONF", "/conf")
	t.Setenv("LD_PRELOAD_OF_THE_TEST", "x")
	t.Setenv("GLIBC_TUNABLES", "glibc.malloc.perturb=165")
	p := must[*process](t)(start(30 * time.Second))
	defer p.stop()
	_, _ = p.ask(order{}, nil) // once it answers, the kernel shows its environment
	data := must[[]byte](t)(os.ReadFile("/proc/" + itoa(p.cmd.Process.Pid) + "/environ"))
	got := strings.Split(strings.TrimRight(string(data), "\x00"), "\x00")
	slices.Sort(got)
	want := []string{"GLIBC_TUNABLES=glibc.malloc.perturb=165", "HOME=/of/the/test", "SOFTHSM2_CONF=/conf"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestTunables(t *testing.T) {
	t.Setenv("GLIBC_TUNABLES", "")
	if got := passedOn("GLIBC_TUNABLES"); !slices.Equal(got, []string{"GLIBC_TUNABLES="}) {
		t.Errorf("%q", got)
	}
	if err := os.Unsetenv("GLIBC_TUNABLES"); err != nil {
		t.Fatal(err)
	}
	if got := passedOn("GLIBC_TUNABLES"); got != nil {
		t.Errorf("%q", got)
	}
}

// TestLostProcess asks a process that has ended: it keeps to its first answer.
func TestLostProcess(t *testing.T) {
	p := must[*process](t)(start(30 * time.Second))
	_, err := p.ask(order{Do: "trust"}, nil)
	if fmt.Sprint(err) != "the second process could not continue: no library is open" {
		t.Error(err)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	const want = "the second process ended: signal: killed"
	p.wait()
	for range 2 {
		if _, err := p.ask(order{Do: "trust"}, nil); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	p.stop()
	if state, err := exec.Command("ps", "-p", itoa(p.cmd.Process.Pid)).Output(); err == nil {
		t.Errorf("the process is still there: %s", state)
	}
}

// TestStopEndsAProcessThatDoesNotEnd has one that ignores the closed pipe.
func TestStopEndsAProcessThatDoesNotEnd(t *testing.T) {
	library, mode := shared(t)
	steer(t, mode, "C_Initialize any hang")
	p := must[*process](t)(start(time.Second))
	if err := writeOrder(p.in, order{Do: "open", Library: library}, nil); err != nil {
		t.Fatal(err)
	}
	p.stop()
	if got := p.wait(); got != "signal: killed" {
		t.Error(got)
	}
}
