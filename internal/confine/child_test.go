//go:build linux && (amd64 || arm64)

package confine

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"byok/internal/exitcode"
)

// A filter cannot be lifted, so whatever installs one runs in a child: this
// test binary, told by the environment which of the children it is.
const childVariable = "BYOK_CONFINE_TEST_CHILD"

func TestMain(m *testing.M) {
	name := os.Getenv(childVariable)
	if name == "" {
		m.Run()
		return
	}
	_ = json.NewEncoder(os.Stdout).Encode(children()[name]())
}

// report is what a child says of itself.
type report struct {
	Rows   []Row
	AllOK  bool
	Error  string
	Hint   string
	Code   exitcode.Code
	Errnos map[string]int // of calls the child made itself
	Texts  []string       // anything else it found
}

func reportOf(s Status, err error) report {
	r := report{Rows: s.Rows(), AllOK: s.OK(), Code: exitcode.Of(err), Hint: exitcode.HintOf(err)}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

// row is the one of that name, or none.
func (r report) row(name string) Row {
	for _, row := range r.Rows {
		if row.Name == name {
			return row
		}
	}
	return Row{}
}

// applied reports what Apply said, and what Check then finds.
func applied(allowNetwork bool) report {
	err := Apply(allowNetwork)
	return reportOf(Check(), err)
}

func children() map[string]func() report {
	return map[string]func() report{
		"unconfined":                          func() report { return reportOf(Check(), nil) },
		"confined":                            func() report { return applied(false) },
		"twice":                               func() report { _ = Apply(false); return applied(false) },
		"network":                             func() report { return applied(true) },
		"not lifted":                          func() report { _ = Apply(false); return applied(true) },
		"threads":                             childThreads,
		"calls":                               childCalls,
		"limit denied":                        childDenied(unix.SYS_PRLIMIT64, 0),
		"dumpable denied":                     childDenied(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE),
		"privs denied":                        childDenied(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS),
		"seccomp denied":                      childDenied(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER),
		"thread of itself":                    childOwnFilter,
		"attacker":                            func() report { return attack() },
		"confined attacker":                   func() report { return attackUnder(false) },
		"attacker with network":               func() report { return attackUnder(true) },
		"accomplice":                          accomplice,
		"starts itself":                       childStartsItself,
		"echo":                                childEcho,
		"python":                              childPython,
		"in a domain":                         func() report { return entered(false, "confined") },
		"reaching":                            childReaching,
		"reaching from a domain":              func() report { return entered(false, "reaching") },
		"reaching from a domain with network": func() report { return entered(true, "reaching") },
		"without Landlock":                    childEnters(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.ENOSYS),
		"ruleset denied": childEnters(unix.SYS_LANDLOCK_CREATE_RULESET, 1,
			uint32(unsafe.Sizeof(unix.LandlockRulesetAttr{})), unix.EPERM),
		"rule denied":              childEnters(unix.SYS_LANDLOCK_ADD_RULE, 1, unix.LANDLOCK_RULE_PATH_BENEATH, unix.EPERM),
		"no new privileges denied": childEnters(unix.SYS_PRCTL, 0, unix.PR_SET_NO_NEW_PRIVS, unix.EPERM),
		"domain denied":            childEnters(unix.SYS_LANDLOCK_RESTRICT_SELF, 1, 0, unix.EPERM),
		"FIFO denied":              childEnters(unix.SYS_MKNODAT, 0, 0xffffff9c, unix.EPERM), // AT_FDCWD
		"tripwire":                 func() report { return tripwire(func() report { return reportOf(Status{}, Apply(false)) }) },
		"tripped":                  func() report { return tripwire(func() report { return reportOf(Check(), nil) }) },
	}
}

// childThreads has threads from before the filter ask for sockets after it.
func childThreads() report {
	var r report
	var mutex sync.Mutex
	var started, done sync.WaitGroup
	filtered := make(chan struct{})
	r.Errnos = map[string]int{}
	for range 8 {
		started.Add(1)
		done.Go(func() {
			runtime.LockOSThread()
			started.Done()
			<-filtered
			errno := socket(unix.AF_INET)
			mutex.Lock()
			r.Errnos[errno.Error()]++
			mutex.Unlock()
		})
	}
	started.Wait()
	errnos := r.Errnos
	r = applied(false)
	r.Errnos = errnos
	close(filtered)
	done.Wait()
	return r
}

// childCalls makes the calls that Check does not make.
func childCalls() report {
	r := applied(false)
	r.Errnos = map[string]int{}
	pair := func(name string, family uintptr) {
		var fds [2]int32
		_, _, errno := unix.RawSyscall6(unix.SYS_SOCKETPAIR, family, unix.SOCK_STREAM, 0, uintptr(unsafe.Pointer(&fds)), 0, 0)
		r.Errnos[name] = int(errno)
	}
	call := func(name string, number, a, b, c uintptr) {
		_, _, errno := unix.RawSyscall(number, a, b, c)
		r.Errnos[name] = int(errno)
	}
	pair("socketpair AF_UNIX", unix.AF_UNIX)
	pair("socketpair AF_INET", unix.AF_INET)
	pair("socketpair AF_TIPC", unix.AF_TIPC)
	for family := range uintptr(unix.AF_MAX + 10) {
		if family != unix.AF_UNIX && socket(family) != unix.EACCES {
			r.Errnos["a family is not refused"] = int(family)
		}
	}
	call("socket AF_UNIX, high half set", unix.SYS_SOCKET, 1<<32|unix.AF_UNIX, unix.SOCK_STREAM, 0)
	call("socket AF_INET, high half set", unix.SYS_SOCKET, 1<<32|unix.AF_INET, unix.SOCK_STREAM, 0)
	call("io_uring_setup", unix.SYS_IO_URING_SETUP, 1, 0, 0)
	call("number of x32", numbersX32|unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM, 0)
	call("getpid", unix.SYS_GETPID, 0, 0, 0)
	return r
}

// childDenied is in a sandbox that forbids one system call with one first argument.
func childDenied(number, first uint32) func() report {
	return func() report {
		forbidding(number, 0, first, unix.EPERM)
		return applied(false)
	}
}

// childOwnFilter has a thread with another filter, as a debugging library might.
func childOwnFilter() report {
	ready := make(chan error)
	go func() {
		runtime.LockOSThread()
		filter := []unix.SockFilter{answer(allow)}
		program := unix.SockFprog{Len: 1, Filter: &filter[0]}
		err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
		if errno != 0 {
			err = errno
		}
		ready <- err
		select {}
	}()
	if err := <-ready; err != nil {
		return reportOf(Status{}, err)
	}
	return applied(false)
}

// tripwire ends the process at the first socket of an internet family.
func tripwire(work func() report) report {
	err := install([]unix.SockFilter{
		load(offsetNumber),
		skip(unix.BPF_JEQ, unix.SYS_SOCKET, 0, 4),
		load(offsetArguments),
		skip(unix.BPF_JEQ, unix.AF_INET, 1, 0),
		skip(unix.BPF_JEQ, unix.AF_INET6, 0, 1),
		answer(killProcess),
		answer(allow),
	})
	if err != nil {
		return reportOf(Status{}, err)
	}
	return work()
}

// childPython becomes python3, with the script its parent gave.
func childPython() report {
	if err := Apply(false); err != nil {
		return reportOf(Status{}, err)
	}
	path, err := exec.LookPath("python3")
	if err == nil {
		err = unix.Exec(path, []string{"python3", "-c", os.Getenv("BYOK_CONFINE_TEST_SCRIPT")}, os.Environ())
	}
	return reportOf(Status{}, err)
}

// command returns a child, not yet started.
func command(t *testing.T, name string, extra ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(append(os.Environ(), childVariable+"="+name, "GORACE=atexit_sleep_ms=0"), extra...)
	return cmd
}

func run(t *testing.T, cmd *exec.Cmd) report {
	t.Helper()
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			out = append(out, exit.Stderr...)
		}
		t.Fatalf("child: %v: %s", err, out)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("child said %q: %v", out, err)
	}
	return r
}
