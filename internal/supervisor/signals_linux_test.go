//go:build amd64 || arm64

package supervisor

import (
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// listener is a socket of the internet.
func listener(t *testing.T) *os.File {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// TestInterrupted: one signal to the supervisor is one to the command.
func TestInterrupted(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP} {
		t.Run(unix.SignalName(signal), func(t *testing.T) {
			j := prepared(t, "waits", "change")
			j.started()
			j.sends(signal)
			j.ended(j.cmd.Wait())
			j.came(130, "Result: FAILURE\n", "byok-test: error: context canceled\n")
			j.recorded(130, "context canceled")
		})
	}
}

func (j *job) sends(signal syscall.Signal) {
	j.t.Helper()
	if err := j.cmd.Process.Signal(signal); err != nil {
		j.t.Fatal(err)
	}
}

const cutOff = "interrupted before the step under way was finished"

// TestInterruptedAgain: what does not listen, such as a library that never
// returns, is ended by the second signal, and its end is in the log. A worker
// that does not even heed is ended by the third.
func TestInterruptedAgain(t *testing.T) {
	for _, test := range []struct {
		deed    string
		stopped bool
	}{{"deaf", false}, {"deaf", true}, {"deaf for good", false}} {
		stopped := test.stopped
		j := prepared(t, test.deed, "change")
		worker := j.started()
		if stopped { // for it alone; the supervisor stops with it, and is continued
			if err := unix.Kill(worker, unix.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			j.waitsFor(stopped)
		}
		for range 3 {
			if j.cmd.Process.Signal(syscall.SIGINT) != nil { // it has ended
				break
			}
			if stopped {
				j.sends(syscall.SIGCONT)
			}
			time.Sleep(200 * time.Millisecond)
		}
		j.ended(j.cmd.Wait())
		j.came(130, "Result: FAILURE\n", "byok-test: error: "+cutOff+"\nbyok-test: hint: "+orNetwork+"\n")
		j.recorded(130, cutOff)
	}
}

// waitsFor waits until the supervisor has stopped, or has gone on.
func (j *job) waitsFor(stopped bool) {
	j.t.Helper()
	var status syscall.WaitStatus
	options := syscall.WUNTRACED
	if !stopped {
		options = syscall.WCONTINUED
	}
	if _, err := syscall.Wait4(j.cmd.Process.Pid, &status, options, nil); err != nil || status.Stopped() != stopped {
		j.t.Fatalf("stopped %v: %v, %v", stopped, status, err)
	}
}

// TestStopped: the supervisor stops with its worker, and both go on.
func TestStopped(t *testing.T) {
	j := prepared(t, "stopped", "change")
	stdin, err := j.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	worker := j.started()
	for range 3 {
		if err := unix.Kill(worker, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		j.waitsFor(true)
		j.sends(syscall.SIGCONT)
		j.waitsFor(false)
		j.until("the worker goes on", func() bool { return state(worker) != "T" })
	}
	if _, err := stdin.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	j.ended(j.cmd.Wait())
	j.came(0, "made\nResult: SUCCESS\n", "")
}

// TestNohup: who has started the program to outlive the terminal has said so
// for both processes.
func TestNohup(t *testing.T) {
	j := prepared(t, "stopped", "change")
	shell := exec.Command("/bin/sh", "-c", `trap "" HUP; exec "$0" "$@"`, j.cmd.Path, "change")
	shell.Env, shell.SysProcAttr = j.cmd.Env, j.cmd.SysProcAttr
	shell.Stdout, shell.Stderr, j.cmd = &j.out, &j.err, shell
	stdin, err := j.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	worker := j.started()
	j.sends(syscall.SIGHUP)
	if err := unix.Kill(worker, unix.SIGHUP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if _, err := stdin.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	j.ended(j.cmd.Wait())
	j.came(0, "made\nResult: SUCCESS\n", "")
}
