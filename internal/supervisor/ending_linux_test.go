//go:build amd64 || arm64

package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"byok/internal/confine"
)

// TestPassedOn: what a worker says of itself is what the program says.
func TestPassedOn(t *testing.T) {
	const failed = "byok-test: error: the hash differs\nbyok-test: hint: byok-test look\n"
	for _, test := range []struct {
		deed, line string
		status     int
		out, errs  string
	}{
		{"done", "change", 0, "made\nResult: SUCCESS\n", ""},
		{"done", "look", 0, "made\n", ""},
		{"done", "change --hsm-network", 0, "made\nResult: SUCCESS\n", ""},
		{"failed", "change", 3, "Result: FAILURE\n", failed},
		{"failed", "look", 3, "", failed},
		{"done", "look --output xml", 2, "", "byok-test: error: look: --output xml: expected text or json\n" +
			"byok-test: hint: byok-test look --help\n"},
	} {
		runs(t, test.deed, strings.Fields(test.line)...).came(test.status, test.out, test.errs)
	}
}

const unexpectedly = "the process that runs the HSM's library ended unexpectedly: "

// orNetwork is the hint where a library may have ended its process for want of a
// socket.
const orNetwork = again + "; or " + confine.NetworkHint

// TestUnexpectedEnds: whatever ends the worker, there is one line that says so,
// a hint, a Result line and an end in the log.
func TestUnexpectedEnds(t *testing.T) {
	const printed = "byok-test: warning: the HSM's library printed: "
	for _, test := range []struct {
		deed, failure string
		printed       string
	}{
		{"exit 0", unexpectedly + "exit status 0", ""},
		{"exit 7", unexpectedly + "exit status 7", ""},
		{"printed, exit 0", unexpectedly + "exit status 0", printed + "bye\n"},
		{"printed, SIGABRT", unexpectedly + "SIGABRT: abort", printed + "double free\n"},
		{"looks like a panic", unexpectedly + "exit status 0", printed + `panic: \x1b[2Jof mine` + "\n"},
		{"lies", unexpectedly + "exit status 3", ""},
		{"fatal error", unexpectedly + "fatal error: sync: unlock of unlocked mutex", ""},
		{"SIGKILL", unexpectedly + "killed by SIGKILL", ""},
		{"SIGSEGV", unexpectedly + "SIGSEGV: segmentation violation", ""},
		{"SIGBUS", unexpectedly + "SIGBUS: bus error", ""},
		{"SIGFPE", unexpectedly + "SIGFPE: floating-point exception", ""},
		{"SIGILL", unexpectedly + "SIGILL: illegal instruction", ""},
		{"SIGABRT", unexpectedly + "SIGABRT: abort", ""},
		{"SIGSYS", unexpectedly + "SIGSYS: bad system call", ""},
		{"SIGTRAP", unexpectedly + "SIGTRAP: trace trap", ""},
	} {
		t.Run(test.deed, func(t *testing.T) {
			j := runs(t, test.deed, "change")
			hint := orNetwork
			if test.deed == "SIGKILL" { // which no library does to itself
				hint = again
			}
			said := test.printed + "byok-test: error: " + test.failure + "\nbyok-test: hint: "
			j.came(4, "Result: FAILURE\n", said+hint+"\n")
			j.recorded(4, test.failure)
			runs(t, test.deed, "look").came(4, "", said+hint+"\n")
			runs(t, test.deed, "look", "--hsm-network").came(4, "", said+again+"\n")
		})
	}
}

// TestWorkersDeafness: signals by which a person ends a program come through
// the supervisor alone, and Go's runtime takes others without a word.
func TestWorkersDeafness(t *testing.T) {
	for _, signal := range []string{"SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGALRM"} {
		runs(t, signal, "change").came(0, "made\nResult: SUCCESS\n", "")
	}
}

// TestPanics: what is the program's own fault is not laid at the HSM's door.
func TestPanics(t *testing.T) {
	const of = "byok-test: error: internal error: panic: "
	const report = "\nbyok-test: hint: report it with version 1.2.3\n"
	j := runs(t, "panic elsewhere", "change")
	j.came(1, "Result: FAILURE\n", of+"a mistake"+report)
	j.recorded(1, "internal error: panic: a mistake")
	runs(t, "long panic", "look").came(1, "", of+strings.Repeat("x", quotedBytes-len("panic: "))+"…"+report)
	j = runs(t, "panic", "change")
	if j.cmd.ProcessState.ExitCode() != 1 || !strings.HasPrefix(j.err.String(),
		"byok-test: error: internal error, nothing more was done: a mistake\nbyok-test: hint: report it with version 1.2.3") {
		t.Errorf("a panic in a command: %v, %s", j.cmd.ProcessState, &j.err)
	}
}

// TestJSON: standard output is one object all the same.
func TestJSON(t *testing.T) {
	const envelope = `{
  "command": %q,
  "result": "FAILURE",
  "status": 4,
  "error": "the process that runs the HSM's library ended unexpectedly: exit status 0",
  "hint": %q
}
`
	for _, name := range []string{"change", "look"} {
		j := runs(t, "printed, exit 0", name, "--output", "json")
		j.came(4, fmt.Sprintf(envelope, name, orNetwork), "byok-test: warning: the HSM's library printed: bye\n"+
			"byok-test: error: "+unexpectedly+"exit status 0\nbyok-test: hint: "+orNetwork+"\n")
	}
	j := runs(t, "prints", "look", "--output", "json")
	if out := j.out.String(); !strings.HasPrefix(out, "{\n") || !strings.HasSuffix(out, "\"data\": \"made\"\n}\n") {
		t.Errorf("with a library that prints: %s", out)
	}
}

// TestBeforeACommand: who asked for JSON gets it even if no command began.
func TestBeforeACommand(t *testing.T) {
	j := prepared(t, "done", "look", "--output", "json")
	socket := listener(t)
	j.cmd.ExtraFiles = []*os.File{nil, nil, nil, nil, socket}
	j.ended(j.cmd.Run())
	const failure = "the kernel does not confine this program: open sockets: to a network, as file descriptor 7"
	const hint = "start it from a shell of its own, without that file or sandbox around it"
	j.came(1, fmt.Sprintf("{\n  \"command\": \"\",\n  \"result\": \"FAILURE\",\n  \"status\": 1,\n  \"error\": %q,\n"+
		"  \"hint\": %q\n}\n", failure, hint), "byok-test: error: "+failure+"\nbyok-test: hint: "+hint+"\n")
}

// TestAHostileWorkerLies: it is believed. See the package's documentation.
func TestAHostileWorkerLies(t *testing.T) {
	runs(t, "lies well", "look").came(0, "", "")
}

// TestNonsense: what is not a report, of whatever length, is passed over.
func TestNonsense(t *testing.T) {
	runs(t, "nonsense", "change").came(0, "made\nResult: SUCCESS\n", "")
}

// TestPrinted: what a library prints is shown apart, in part, and harmless.
func TestPrinted(t *testing.T) {
	const of = "byok-test: warning: the HSM's library printed"
	for _, test := range []struct{ deed, want string }{
		{"prints", of + ": hello\n" + of + `: \x1b[31mred\xff` + "\n"},
		{"prints long", of + ": " + strings.Repeat("é", quotedBytes/2) + "…\n"},
		{"prints lines", of + ": 1\n" + of + ": 2\n" + of + ": 3\n" + of + ": 4\n" + of + ": 5\n" + of + " more lines\n"},
		{"prints very much", strings.Repeat(of+": "+strings.Repeat("z", 99)+"\n", 5) + of + " more lines\n"},
	} {
		t.Run(test.deed, func(t *testing.T) {
			j := runs(t, test.deed, "change")
			j.came(0, "made\nResult: SUCCESS\n", test.want)
		})
	}
}

// TestAChildOfTheLibraryHoldsThePipes: the program does not wait for it.
func TestAChildOfTheLibraryHoldsThePipes(t *testing.T) {
	j := runs(t, "leaves a child", "change")
	var child int
	if _, err := fmt.Sscanf(j.err.String(), "byok-test: warning: the HSM's library printed: %d\n", &child); err != nil {
		t.Fatalf("%v: %s", err, &j.err)
	}
	if err := unix.Kill(child, unix.SIGKILL); err != nil {
		t.Errorf("the child had ended by then: %v", err)
	}
	j.came(0, "made\nResult: SUCCESS\n", j.err.String())
}

// TestReaderGone: a reader of the program's output that has gone keeps no end
// out of the log, and changes no status.
func TestReaderGone(t *testing.T) {
	j := prepared(t, "exit 0", "change")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	j.cmd.Stdout = write
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	j.ended(j.cmd.Run())
	j.came(4, "", "byok-test: error: "+unexpectedly+"exit status 0\nbyok-test: hint: "+orNetwork+"\n"+
		"byok-test: error: the result could not be printed: write /dev/stdout: broken pipe\n")
	j.recorded(4, unexpectedly+"exit status 0")
}

// TestConfinement: the worker is in the domain and behind the filter.
func TestConfinement(t *testing.T) {
	for _, network := range []bool{false, true} {
		line := []string{"look"}
		if network {
			line = append(line, "--hsm-network")
		}
		got := runs(t, "confinement", line...).out.String()
		for row, want := range map[string]bool{
			"socket AF_INET": !network, "recvmsg": !network, "ptrace": true, "ioctl TIOCSTI": true, "Landlock domain": true,
			"seccomp filter": true, "undumpable": true, "open sockets": true, "freed memory wiped": true,
		} {
			if !strings.Contains("\n"+got, fmt.Sprintf("\n%s: %v\n", row, want)) {
				t.Errorf("network %v: %s is not %v", network, row, want)
			}
		}
	}
}

// TestSupervisorIsConfined: a library that reached the supervisor, on a kernel
// without Landlock, would gain nothing. It is behind the filter as well, and an
// ordinary user's is not dumpable: its /proc is root's.
func TestSupervisorIsConfined(t *testing.T) {
	j := prepared(t, "deaf", "look")
	j.cmd.Path, j.cmd.Dir = "/proc/self/exe", "/"
	if os.Geteuid() == 0 {
		j.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	worker := j.started()
	for _, pid := range []int{j.cmd.Process.Pid, worker} {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		if err != nil || len(tasks) == 0 {
			t.Fatal(err)
		}
		for _, task := range tasks {
			status, _ := os.ReadFile(task)
			if len(status) > 0 && !strings.Contains(string(status), "\nSeccomp:\t2\n") {
				t.Errorf("without a filter: %s", task)
			}
		}
		file, err := os.Stat(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil || file.Sys().(*syscall.Stat_t).Uid != 0 {
			t.Errorf("process %d is dumpable, %v", pid, err)
		}
	}
}

// TestEnvironment: the worker has what is listed, whatever there is of its own
// variable.
func TestEnvironment(t *testing.T) {
	for _, test := range []struct {
		name string
		set  []string
		errs string
	}{
		{"nothing more", nil, ""},
		{"a worker's variable, empty", []string{Variable + "="}, ""},
		{"a worker's variable", []string{Variable + "=" + inside}, ""},
		{"the linker's", []string{"LD_BIND_NOW=1"}, "LD_BIND_NOW"},
		{"a worker's, with the linker's", []string{Variable + "=" + inside, "LD_BIND_NOW=1"}, "LD_BIND_NOW"},
		{"a worker's, with tunables", []string{Variable + "=" + outside, "GLIBC_TUNABLES=x=1"}, "GLIBC_TUNABLES"},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := prepared(t, "environment", "look")
			j.cmd.Env = append([]string{"SECRET=1", "GODEBUG=x=1", "GOTRACEBACK=crash"}, append(j.cmd.Env, test.set...)...)
			null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer null.Close()
			j.cmd.ExtraFiles = []*os.File{null, null, null, null} // as a worker finds them
			j.ended(j.cmd.Run())
			var said string
			if test.errs != "" {
				said = "byok-test: warning: " + test.errs +
					" is not passed on: this program and the HSM's library run without it\n"
			}
			var names []string
			for line := range strings.Lines(j.out.String()) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				names = append(names, name)
				if name == "GOTRACEBACK" && value != "none" {
					t.Error(line)
				}
			}
			if got := regexp.MustCompile(`\b(SECRET|GODEBUG|GOCOVERDIR|LD_\w+|` + Variable + `)\b`).FindString(strings.Join(names, " ")); got != "" {
				t.Errorf("the worker has %s", got)
			}
			if !strings.Contains(j.out.String(), "GLIBC_TUNABLES=glibc.malloc.perturb=165:glibc.malloc.tcache_count=0\n") {
				t.Errorf("without the tunables:\n%s", &j.out)
			}
			j.came(0, j.out.String(), said)
		})
	}
}

// TestSupervisorKilled: the worker ends with it, even while it is stopped.
func TestSupervisorKilled(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		j := prepared(t, "deaf", "change")
		worker := j.started()
		if stopped {
			if err := unix.Kill(worker, unix.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		j.until("the worker ends", func() bool { return strings.Contains("Z", state(worker)) })
		_ = j.cmd.Wait()
	}
}

// TestUnstarted: where there is no room for another process, and where it
// cannot be put into its domain, nothing begins.
func TestUnstarted(t *testing.T) {
	for _, test := range []struct {
		name, limit, denied string
		failure, hint       string
	}{
		{"no room for pipes", "9", "", "the program could not be started again: pipe2: too many open files", "ulimit -n 1024"},
		{"no domain", "1024", strconv.Itoa(unix.SYS_LANDLOCK_RESTRICT_SELF),
			"the kernel did not take the program's Landlock domain: landlock_restrict_self: operation not permitted",
			"run it on Linux 3.17 or later with CONFIG_SECCOMP_FILTER, outside sandboxes that forbid this"},
		{"no second program", "1024", strconv.Itoa(unix.SYS_EXECVE),
			"the program could not be started again with the listed environment: fork/exec /proc/self/exe: operation not permitted",
			"mount /proc, and let this user run the program's file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := prepared(t, "done", "change")
			j.cmd.Args = []string{"sh", "-c", "ulimit -n " + test.limit + `; exec "$0" "$@"`, j.cmd.Path, "change"}
			j.cmd.Path = "/bin/sh"
			j.cmd.Env = append(j.cmd.Env, deniedVariable+"="+test.denied)
			j.ended(j.cmd.Run())
			// Without room for files, coverage has none either, and says so.
			said := "byok-test: error: " + test.failure + "\nbyok-test: hint: " + test.hint + "\n"
			if got := j.err.String(); !strings.HasPrefix(got, said) || strings.Count(got, "byok-test: ") != 2 {
				t.Errorf("%s\nwant %s", got, said)
			}
			j.came(1, "", j.err.String())
		})
	}
}
