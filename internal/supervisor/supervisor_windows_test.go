package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/term"
)

// deedVariable has this test binary run a program under a supervisor, of which
// every command does that deed: package windowstest does so as well.
const deedVariable = "BYOK_SUPERVISOR_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(deedVariable) == "" {
		m.Run()
		return
	}
	os.Exit(Main(program, os.Args[1:]))
}

func program(in io.Reader, out, errs io.Writer) *command.Program {
	p := &command.Program{
		Name: "byok-test", Version: "1.2.3", Usage: "what the tests run",
		Console: &term.Console{Program: "byok-test", In: in, Out: out, Err: errs},
	}
	deed := deeds[os.Getenv(deedVariable)]
	p.Commands = []*cli.Command{
		{Name: "change", Usage: "a step of the procedure", Action: p.Step(deed)},
		{Name: "look", Usage: "a command that only looks", Action: p.Action(deed)},
	}
	return p
}

// text is a Result that is its own text.
type text string

func (t text) Print(w io.Writer) error {
	_, err := fmt.Fprintln(w, string(t))
	return err
}

// deeds are what a command does, and what a library does to its process.
var deeds = map[string]command.Func{
	"done": func(*command.Run) (command.Result, error) { return text("made"), nil },
	"failed": func(*command.Run) (command.Result, error) {
		return nil, exitcode.Errorf(exitcode.Check, "the hash differs").Hint("byok-test look")
	},
	"environment": func(*command.Run) (command.Result, error) {
		return text(strings.Join(os.Environ(), "\n")), nil
	},
	"exits": func(*command.Run) (command.Result, error) {
		fmt.Print("bye\r\n")
		syscall.Exit(7)
		return nil, nil
	},
	"crashes": func(*command.Run) (command.Result, error) {
		_, _, _ = syscall.SyscallN(1) // no function is there
		return nil, nil
	},
	"goes wrong": func(*command.Run) (command.Result, error) { go panic("a mistake"); select {} },
	"prints":     func(*command.Run) (command.Result, error) { fmt.Print("hello\n"); return text("made"), nil },
	"leaves a child": func(*command.Run) (command.Result, error) {
		c := exec.Command(os.Args[0], "look")
		c.Env = append(os.Environ(), deedVariable+"=sleeps")
		c.Stdout = os.Stdout
		return text("made"), c.Start()
	},
	"sleeps": func(*command.Run) (command.Result, error) { time.Sleep(2 * leftovers); return nil, nil },
	"waits": func(r *command.Run) (command.Result, error) {
		r.Console.Say("waiting")
		<-r.Context.Done()
		return nil, r.Context.Context.Err()
	},
	"deaf": func(r *command.Run) (command.Result, error) {
		r.Console.Say("waiting")
		time.Sleep(time.Hour)
		return nil, nil
	},
	"PIN": func(r *command.Run) (command.Result, error) {
		pin, err := r.Console.Password("PIN", "--pin-file FILE")
		pin.Wipe()
		return nil, err
	},
}

// prepared is a program under a supervisor that does a deed, and its kmdata.
func prepared(t *testing.T, deed string, args ...string) (c *exec.Cmd, kmdata string) {
	t.Helper()
	kmdata = filepath.Join(t.TempDir(), "kmdata")
	c = exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), deedVariable+"="+deed, "BYOK_KMDATA="+kmdata)
	return c, kmdata
}

// runs runs one to its end.
func runs(t *testing.T, c *exec.Cmd) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	c.Stdout, c.Stderr = &o, &e
	if err := c.Run(); err != nil {
		if _, exited := errors.AsType[*exec.ExitError](err); !exited {
			t.Fatal(err)
		}
	}
	return c.ProcessState.ExitCode(), o.String(), e.String()
}

// TestEnds: however the worker ends, its end is said and in the log.
func TestEnds(t *testing.T) {
	const unexpectedly = "the process that runs the HSM's library ended unexpectedly: "
	const printed = "byok-test: warning: the HSM's library printed: "
	for _, c := range []struct {
		deed    string
		status  int
		out     string // before the Result line
		failure string
		hint    string
		printed string
	}{
		{"done", 0, "made\n", "", "", ""},
		{"prints", 0, "made\n", "", "", printed + "hello\n"},
		{"failed", 3, "", "the hash differs", "byok-test look", ""},
		{"exits", 4, "", unexpectedly + "exit status 7", again, printed + "bye\n"},
		// Where Go's runtime sees it first, there is a report of its: see TestWords.
		{"crashes", 4, "", unexpectedly + "killed by exception 0xC0000005", again, ""},
		{"goes wrong", 1, "", "internal error: panic: a mistake", "report it with version 1.2.3", ""},
	} {
		t.Run(c.deed, func(t *testing.T) {
			job, kmdata := prepared(t, c.deed, "change")
			status, out, errs := runs(t, job)
			result, said := "Result: SUCCESS\n", c.printed
			if c.failure != "" {
				result = "Result: FAILURE\n"
				said += "byok-test: error: " + c.failure + "\nbyok-test: hint: " + c.hint + "\n"
			}
			if status != c.status || out != c.out+result || errs != said {
				t.Errorf("status %d\n%s\n%s\nwant %d\n%s\n%s", status, out, errs, c.status, c.out+result, said)
			}
			record, err := ceremony.Read(kmdata)
			if err != nil || len(record.Events) != 2 {
				t.Fatalf("%v, %+v", err, record)
			}
			if e := record.Events[1]; e.Phase != ceremony.End || e.Began != 1 || e.Status != c.status || e.Error != c.failure {
				t.Errorf("recorded %+v", e)
			}
		})
	}
}

// TestAChildOfTheLibraryHoldsThePipe: the program does not wait for its end.
func TestAChildOfTheLibraryHoldsThePipe(t *testing.T) {
	job, _ := prepared(t, "leaves a child", "look")
	if status, out, errs := runs(t, job); status != 0 || out != "made\n" || errs != "" {
		t.Errorf("status %d\n%s\n%s", status, out, errs)
	}
}

// TestEnvironment: the worker has what is listed, whatever there is of its own variable.
func TestEnvironment(t *testing.T) {
	for _, variable := range []string{"", "0,0,0,0", "fffe,fffe,fffe,fffe", "x", "4"} {
		job, _ := prepared(t, "environment", "look")
		job.Env = append(job.Env, "SECRET=1", "GODEBUG=x=1", "byok_worker="+variable, "Nfast_Home=here")
		status, out, errs := runs(t, job)
		if status != 0 || errs != "" {
			t.Errorf("%q: status %d\n%s", variable, status, errs)
		}
		names := make(map[string]string)
		for line := range strings.Lines(out) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			names[strings.ToUpper(name)] = value
		}
		for _, name := range []string{"SECRET", "GODEBUG", Variable} {
			if value, there := names[name]; there {
				t.Errorf("%q: the worker has %s=%s", variable, name, value)
			}
		}
		if names["NFAST_HOME"] != "here" || names["SYSTEMROOT"] == "" || names["GOTRACEBACK"] != "none" {
			t.Errorf("%q: the worker has\n%s", variable, out)
		}
	}
}

// TestSupervisorKilled: the worker ends with it.
func TestSupervisorKilled(t *testing.T) {
	job, _ := prepared(t, "deaf", "change")
	errs, err := job.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	started := make([]byte, 1)
	if _, err := io.ReadFull(errs, started); err != nil {
		t.Fatal(err)
	}
	if err := job.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, errs); err != nil { // which a worker would hold for an hour
		t.Error(err)
	}
	_ = job.Wait()
}
