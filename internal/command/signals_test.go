//go:build unix

package command_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/command"
)

// play is what the test binary does as a program of its own.
func play() {
	var out, err bytes.Buffer
	var p *command.Program
	switch os.Getenv("COMMAND_TEST_ROLE") {
	case "deaf": // says that it runs, and ignores its context
		p = program(func(*command.Run) (command.Result, error) {
			fmt.Println("running")
			time.Sleep(time.Minute)
			return nil, nil
		})
	default:
		p = program(given)
	}
	p.Console.Out, p.Console.Err = &out, &err
	if os.Getenv("COMMAND_TEST_ROLE") == "stdout" {
		p.Console.Out = os.Stdout
	}
	status := p.Main(context.Background(), os.Args[1:])
	report := fmt.Sprintf("%d\n%s\n%s", status, out.String(), err.String())
	if failed := os.WriteFile(os.Getenv("COMMAND_TEST_REPORT"), []byte(report), 0o600); failed != nil {
		panic(failed)
	}
}

// otherProcess is a program of its own; report is where it writes its answer.
func otherProcess(t *testing.T, role string, args ...string) (cmd *exec.Cmd, report string) {
	report = t.TempDir() + "/report"
	cmd = exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "COMMAND_TEST_ROLE="+role, "COMMAND_TEST_REPORT="+report)
	return cmd, report
}

// interrupted waits for the signal that it sends, as a command that listens.
func interrupted(signal syscall.Signal) command.Func {
	return func(r *command.Run) (command.Result, error) {
		if err := syscall.Kill(os.Getpid(), signal); err != nil {
			return nil, err
		}
		<-r.Context.Done()
		return text("half a result"), fmt.Errorf("upload: %w", r.Context.Context.Err())
	}
}

// TestInterrupted: status 130, said, and recorded.
func TestInterrupted(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		dir := kmdata(t)
		wantAnswer(t, signal.String(), run(t, program(interrupted(signal)), "change"), answer{130,
			lines("half a result", "Result: FAILURE"), lines("byok-test: error: upload: context canceled")})
		e := last(t, dir)
		if e.Result != ceremony.Failure || e.Status != 130 || e.Error != "upload: context canceled" {
			t.Errorf("%v: recorded %+v", signal, e)
		}
	}
}

// TestFinishedAnyway: a command that was done before it saw the signal is done.
func TestFinishedAnyway(t *testing.T) {
	kmdata(t)
	wantAnswer(t, "done", run(t, program(func(r *command.Run) (command.Result, error) {
		_, _ = interrupted(syscall.SIGINT)(r)
		return text("made"), nil
	}), "change"), answer{0, lines("made", "Result: SUCCESS"), ""})
}

// TestBusy: whoever interrupts what cannot be interrupted is told so.
func TestBusy(t *testing.T) {
	kmdata(t)
	said := make(chan struct{})
	p := program(func(r *command.Run) (command.Result, error) {
		_, _ = interrupted(syscall.SIGINT)(r)
		<-said
		return text("made"), nil
	})
	time.AfterFunc(3*time.Second, func() { close(said) })
	wantAnswer(t, "busy", run(t, p, "change"), answer{0, lines("made", "Result: SUCCESS"),
		lines("byok-test: warning: interrupted, but the step under way is finished first; interrupt again to " +
			"end the program at once")})
}

// TestSecondInterrupt: what does not listen, such as an HSM that hangs, is
// ended by the second Ctrl-C, and the log shows it.
func TestSecondInterrupt(t *testing.T) {
	dir := kmdata(t)
	cmd, _ := otherProcess(t, "deaf", "change")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "running\n" {
		t.Fatalf("%q, %v", line, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for sent := 0; ; sent++ {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if sent == 0 || err == nil || err.Error() != "signal: interrupt" {
				t.Errorf("after %d signals: %v", sent+1, err)
			}
			r, err := ceremony.Read(dir)
			const want = "line 1: byok-test change has no end: killed, or still running"
			if err != nil || strings.Join(r.Warnings, "") != want {
				t.Errorf("the log says %q, %v", r.Warnings, err)
			}
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// TestReaderGone: a pager that is left, or "| head", does not end a step in
// the middle: its end is in the log.
func TestReaderGone(t *testing.T) {
	dir := kmdata(t)
	cmd, report := otherProcess(t, "stdout", "change", "F")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = write
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Run(); err != nil {
		t.Errorf("the program ended with %v", err)
	}
	write.Close()
	const want = "1\n\nbyok-test: error: the result could not be printed: write /dev/stdout: broken pipe\n"
	if got, err := os.ReadFile(report); err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	if e := last(t, dir); e.Result != ceremony.Success {
		t.Errorf("recorded %+v", e)
	}
}

// TestNothingElsewhere: urfave/cli says nothing of its own to the process's
// streams, past those of the console.
func TestNothingElsewhere(t *testing.T) {
	for _, line := range []string{
		"", "--help", "--version", "help", "key", "key --help", "key show", "change --help", "change --other",
		"change --size x",
		"change F --yes", "change --output xml", "--other", "look --output json",
	} {
		kmdata(t)
		cmd, report := otherProcess(t, "given", strings.Fields(line)...)
		printed, err := cmd.CombinedOutput()
		if err != nil || len(printed) > 0 {
			t.Errorf("%s: printed %q, %v", line, printed, err)
		}
		if data, err := os.ReadFile(report); err != nil || len(data) < 10 {
			t.Errorf("%s: the console got %q, %v", line, data, err)
		}
	}
}
