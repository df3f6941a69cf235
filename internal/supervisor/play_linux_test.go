//go:build amd64 || arm64

package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	_ "runtime/cgo" // so that the tests, as the program does, run on a C library
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/exitcode"
	"byok/internal/secret"
	"byok/internal/term"
)

// deedVariable has this test binary run a program under a supervisor, of which
// every command does that deed. Its name is one that a worker gets.
const deedVariable = "BYOK_SUPERVISOR_TEST"

// coverageVariable is where a worker, which has no GOCOVERDIR, leaves what it
// has covered.
const coverageVariable = "BYOK_SUPERVISOR_TEST_COVERAGE"

func TestMain(m *testing.M) {
	if os.Getenv(deedVariable) == "" {
		m.Run()
		return
	}
	if number := os.Getenv(deniedVariable); number != "" {
		deny(number)
	}
	status := Main(program, os.Args[1:])
	if dir := os.Getenv(coverageVariable); dir != "" {
		_ = os.Setenv("GOCOVERDIR", dir)
	}
	os.Exit(status)
}

// deniedVariable holds the number of a system call that is forbidden.
const deniedVariable = "BYOK_SUPERVISOR_TEST_DENIED"

// deny is a sandbox around the program.
func deny(number string) {
	n, err := strconv.ParseUint(number, 10, 32)
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(n), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	sandbox := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = errors.Join(err, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&sandbox)))
	if err != nil || errno != 0 {
		panic(errors.Join(err, errno))
	}
}

func program(in io.Reader, out, errs io.Writer) *command.Program {
	p := &command.Program{
		Name: "byok-test", Version: "1.2.3", Usage: "what the tests run",
		Console: &term.Console{Program: "byok-test", In: in, Out: out, Err: errs},
		Prepare: func(r *command.Run) error { return confine.Apply(r.Bool("hsm-network")) },
	}
	deed := deeds()[os.Getenv(deedVariable)]
	flags := []cli.Flag{&cli.BoolFlag{Name: "hsm-network", Usage: "let the library use the network"}}
	p.Commands = []*cli.Command{
		{Name: "change", Usage: "a step of the procedure", Action: p.Step(deed), Flags: flags},
		{Name: "look", Usage: "a command that only looks", Action: p.Action(deed), Flags: flags},
	}
	return p
}

// text is a Result that is its own text.
type text string

func (t text) Print(w io.Writer) error {
	_, err := fmt.Fprintln(w, string(t))
	return err
}

func (t text) MarshalText() ([]byte, error) { return []byte(t), nil }

// deeds are what a command does, and what a library does to its process.
func deeds() map[string]command.Func {
	all := map[string]command.Func{
		"done": func(*command.Run) (command.Result, error) { return text("made"), nil },
		"failed": func(*command.Run) (command.Result, error) {
			return nil, exitcode.Errorf(exitcode.Check, "the hash differs").Hint("byok-test look")
		},
		"panic": func(*command.Run) (command.Result, error) { panic("a mistake") },
		"environment": func(*command.Run) (command.Result, error) {
			return text(strings.Join(os.Environ(), "\n")), nil
		},
		"confinement": func(*command.Run) (command.Result, error) {
			var lines []string
			for _, row := range confine.Check().Rows() {
				lines = append(lines, fmt.Sprintf("%s: %v", row.Name, row.OK))
			}
			return text(strings.Join(lines, "\n")), nil
		},
		"much, SIGSEGV": func(r *command.Run) (command.Result, error) {
			r.Event.AddNote("much", strings.Repeat("x", much))
			err := r.Note(ceremony.Note{Name: "now", Value: "the event has grown"})
			_ = unix.Kill(os.Getpid(), unix.SIGSEGV)
			time.Sleep(100 * time.Millisecond)
			return nil, err
		},
		"waits": func(r *command.Run) (command.Result, error) {
			ready(r)
			<-r.Context.Done()
			return nil, r.Context.Context.Err()
		},
		"deaf": func(r *command.Run) (command.Result, error) {
			ready(r)
			time.Sleep(time.Minute)
			return nil, nil
		},
		"deaf for good": func(r *command.Run) (command.Result, error) {
			silence, _, err := os.Pipe()
			if err == nil {
				err = unix.Dup3(int(silence.Fd()), interruptDescriptor, 0)
			}
			ready(r)
			time.Sleep(time.Minute)
			return nil, err
		},
		"stopped": func(r *command.Run) (command.Result, error) {
			ready(r)
			_, err := os.Stdin.Read(make([]byte, 1))
			return text("made"), err
		},
		"PIN": func(r *command.Run) (command.Result, error) {
			pin, err := r.Console.Password("PIN", "--pin-file FILE")
			pin.Wipe()
			return nil, err
		},
		"words": func(r *command.Run) (command.Result, error) {
			words := secret.Take([]byte("acid bonus"))
			defer words.Wipe()
			return nil, r.Console.ShowSecret(nil, words, "noted it", "--card-pin-file FILE")
		},
	}
	for name, end := range ends() {
		all[name] = func(r *command.Run) (command.Result, error) {
			end()
			return text("made"), nil
		}
	}
	return all
}

// much is how many bytes an event of many keys has, and more than a pipe holds.
const much = 2 << 20

// ready says that a command is under way, and by which process.
func ready(r *command.Run) { _, _ = fmt.Fprintf(r.Console.Err, "running as %d\n", os.Getpid()) }

// ends are by what a library ends its process, or at least disturbs it.
func ends() map[string]func() {
	all := map[string]func(){
		"exit 0":             func() { syscall.Exit(0) },
		"exit 7":             func() { syscall.Exit(7) },
		"printed, exit 0":    func() { printed("bye\n"); syscall.Exit(0) },
		"printed, SIGABRT":   func() { printed("double free\n"); _ = unix.Kill(os.Getpid(), unix.SIGABRT); select {} },
		"looks like a panic": func() { printed("panic: \x1b[2Jof mine\n"); syscall.Exit(0) },
		"panic elsewhere":    func() { go panic("a mistake"); select {} },
		"long panic":         func() { go panic(strings.Repeat("x", 1000)); select {} },
		"fatal error":        func() { new(sync.Mutex).Unlock() },
		"lies":               func() { says(`{"status":0}`); syscall.Exit(3) },
		"lies well":          func() { says(`{"status":0}`); syscall.Exit(0) },
		"nonsense": func() {
			says("nonsense")
			says(`{"status":"x"}`)
			says(strings.Repeat("y", 5*longestReport/2))
		},
		"prints":           func() { printed("hello\n\x1b[31mred\xff\n") },
		"prints long":      func() { printed(strings.Repeat("é", 300) + "\n") },
		"prints lines":     func() { printed("1\n2\n3\n4\n5\n6\n7\n") },
		"prints very much": func() { printed(strings.Repeat(strings.Repeat("z", 99)+"\n", 200_000)) },
		"leaves a child": func() {
			child := exec.Command("sleep", "60")
			child.Stdout, child.Stderr = os.Stdout, os.Stderr
			if err := child.Start(); err != nil {
				panic(err)
			}
			printed(fmt.Sprintf("%d\n", child.Process.Pid))
		},
	}
	for _, s := range []unix.Signal{unix.SIGKILL, unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGABRT,
		unix.SIGSYS, unix.SIGTRAP, unix.SIGALRM, unix.SIGTERM, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT} {
		all[unix.SignalName(s)] = func() {
			_ = unix.Kill(os.Getpid(), s)
			time.Sleep(100 * time.Millisecond) // a signal takes its time, and some do nothing
		}
	}
	return all
}

// printed is what a library prints.
func printed(s string) { _, _ = io.WriteString(os.Stdout, s) }

// says is what a library says in the worker's place.
func says(s string) { _, _ = unix.Write(reportDescriptor, []byte(s+"\n")) }

// job is a program under a supervisor.
type job struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, err said
	kmdata   string
}

// said is what somebody has said so far.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// patience is how long a job may take.
const patience = 30 * time.Second

func prepared(t *testing.T, deed string, args ...string) *job {
	t.Helper()
	j := &job{t: t, kmdata: filepath.Join(t.TempDir(), "kmdata")}
	j.cmd = exec.Command(os.Args[0], args...)
	j.cmd.Env = append(os.Environ(), deedVariable+"="+deed, "BYOK_KMDATA="+j.kmdata,
		coverageVariable+"="+os.Getenv("GOCOVERDIR"), "GORACE=atexit_sleep_ms=0", "HOME="+t.TempDir())
	j.cmd.Stdout, j.cmd.Stderr = &j.out, &j.err
	j.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	late := time.AfterFunc(patience, func() { _ = j.cmd.Process.Kill() })
	t.Cleanup(func() { late.Stop() })
	return j
}

// runs runs a command to its end.
func runs(t *testing.T, deed string, args ...string) *job {
	t.Helper()
	j := prepared(t, deed, args...)
	j.ended(j.cmd.Run())
	return j
}

// ended holds what became of a job to an exit.
func (j *job) ended(err error) {
	j.t.Helper()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		j.t.Fatal(err)
	}
	if !j.cmd.ProcessState.Exited() {
		j.t.Errorf("%v\n%s", j.cmd.ProcessState, &j.err)
	}
}

// underWay is what a deed says of itself when it is ready.
var underWay = regexp.MustCompile(`(?m)^running as (\d+)\n`)

// started starts a command and returns once it is under way: the number of its
// worker.
func (j *job) started() (worker int) {
	j.t.Helper()
	if err := j.cmd.Start(); err != nil {
		j.t.Fatal(err)
	}
	j.t.Cleanup(func() { _ = j.cmd.Process.Kill() })
	j.until("the command runs", func() bool { return underWay.MatchString(j.err.String()) })
	worker, _ = strconv.Atoi(underWay.FindStringSubmatch(j.err.String())[1])
	return worker
}

// until waits for what is to come.
func (j *job) until(what string, holds func() bool) {
	j.t.Helper()
	for late := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			j.t.Fatalf("in vain: %s\n%s", what, &j.err)
		}
	}
}

// state is a process's, as proc_pid_stat(5) has it; "" if there is none.
func state(pid int) string {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	return string(rest[:min(1, len(rest))])
}

// came compares a job's end with the status and the whole of its streams.
func (j *job) came(status int, out, errs string) {
	j.t.Helper()
	if got := j.cmd.ProcessState.ExitCode(); got != status {
		j.t.Errorf("status %d, want %d", got, status)
	}
	if got := j.out.String(); got != out {
		j.t.Errorf("standard output\n%s\nwant\n%s", got, out)
	}
	if got := underWay.ReplaceAllString(j.err.String(), ""); got != errs {
		j.t.Errorf("standard error\n%s\nwant\n%s", got, errs)
	}
}

// recorded holds the last event of the log to be the end of a step.
func (j *job) recorded(status int, failure string) {
	j.t.Helper()
	record, err := ceremony.Read(j.kmdata)
	if err != nil || len(record.Warnings) > 0 || len(record.Events) != 2 {
		j.t.Fatalf("%v, %+v", err, record)
	}
	e := record.Events[1]
	if e.Phase != ceremony.End || e.Began != 1 || e.Command != "change" || e.Status != status || e.Error != failure {
		j.t.Errorf("recorded %+v, want status %d, %s", e, status, failure)
	}
}
