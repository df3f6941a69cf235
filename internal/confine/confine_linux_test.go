//go:build amd64 || arm64

package confine

import (
	"errors"
	"maps"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"byok/internal/exitcode"
)

// confinedTable is "confine status" of a confined process, # for a number,
// without the rows that depend on the machine and the build.
func confinedTable() []Row {
	const access, privilege = "refused: permission denied", "refused: operation not permitted"
	return []Row{
		{"socket AF_INET", true, access},
		{"socket AF_INET6", true, access},
		{"socket AF_NETLINK", true, access},
		{"socket AF_PACKET", true, access},
		{"socket AF_VSOCK", true, access},
		{"recvmsg", true, privilege},
		{"recvmmsg", true, privilege},
		{"ptrace", true, privilege},
		{"process_vm_readv", true, privilege},
		{"process_vm_writev", true, privilege},
		{"pidfd_getfd", true, privilege},
		{"prctl PR_SET_DUMPABLE", true, privilege},
		{"io_uring", true, privilege},
		{"ioctl TIOCSTI", true, privilege},
		{"ioctl TIOCLINUX", true, privilege},
		{"request_key", true, privilege},
		{"socket AF_UNIX", true, "allowed"},
		{"open sockets", true, "none to a network"},
		{"Landlock domain", true, "other processes are out of reach, also by /proc"},
		{"seccomp filter", true, "on # of # threads"},
		{"no new privileges", true, "on # of # threads"},
		{"core file size", true, "limit # bytes"},
		{"undumpable", true, "dumpable is #"},
	}
}

// machineRows are the rest of the table.
func machineRows() []string {
	return []string{"locked memory", "freed memory wiped", "built as released"}
}

// networkTable is the same with a network allowed.
func networkTable() []Row {
	table := confinedTable()
	for i := range 5 {
		table[i] = Row{table[i].Name, false, "allowed"}
	}
	for i := range 2 {
		table[5+i] = Row{table[5+i].Name, false, "not refused by a filter: bad file descriptor"}
	}
	return table
}

// outsideTable is a table of a process that is in no domain.
func outsideTable(table []Row) []Row {
	for i := range table {
		if table[i].Name == "Landlock domain" {
			table[i] = Row{table[i].Name, false,
				"none: another process of this user can be reached by /proc; run nothing else as this user"}
		}
	}
	return table
}

// normal puts # for numbers, and leaves out the machine's rows.
func normal(rows []Row) []Row {
	counted := regexp.MustCompile(`^(on|limit|dumpable) .*\d`)
	var out []Row
	for _, r := range rows {
		if counted.MatchString(r.Detail) {
			r.Detail = regexp.MustCompile(`\d+`).ReplaceAllString(r.Detail, "#")
		}
		if !slices.Contains(machineRows(), r.Name) {
			out = append(out, r)
		}
	}
	return out
}

func TestApply(t *testing.T) {
	for _, child := range []string{"confined", "twice", "threads", "not lifted", "in a domain"} {
		r := run(t, command(t, child))
		if r.Error != "" {
			t.Fatalf("%s: %s", child, r.Error)
		}
		want := confinedTable()
		all := child == "in a domain"
		if !all {
			want = outsideTable(want)
		}
		if got := normal(r.Rows); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", child, got, want)
		}
		for _, name := range machineRows() {
			all = all && r.row(name).OK
		}
		if r.AllOK != all || len(r.Rows) != len(confinedTable())+len(machineRows()) {
			t.Errorf("%s: %+v, all OK: %v", child, r.Rows, r.AllOK)
		}
		if child == "threads" && !maps.Equal(r.Errnos, map[string]int{"permission denied": 8}) {
			t.Errorf("threads from before the filter: %v", r.Errnos)
		}
	}
}

// TestApplyAsksForNoInternetSocket runs Apply, and as a control Check, where
// asking for one ends the process.
func TestApplyAsksForNoInternetSocket(t *testing.T) {
	if r := run(t, command(t, "tripwire")); r.Error != "" {
		t.Error(r.Error)
	}
	var exit *exec.ExitError
	out, err := command(t, "tripped").Output()
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGSYS {
		t.Errorf("Check passed the tripwire: %v: %s", err, out)
	}
}

func TestApplyWithNetwork(t *testing.T) {
	r := run(t, command(t, "network"))
	if r.Error != "" || r.AllOK {
		t.Fatalf("%q, all OK: %v", r.Error, r.AllOK)
	}
	got, want := normal(r.Rows), outsideTable(networkTable())
	for _, row := range []int{2, 3, 4} { // why not depends on the kernel and on being root
		got[row].Detail = "allowed"
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestCheckFindsNothingInPlace(t *testing.T) {
	child := command(t, "unconfined")
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `ulimit -S -c unlimited 2>/dev/null; exec "$0"`, child.Path)
	cmd.Env = child.Env
	r := run(t, cmd)
	for _, want := range []Row{
		{"socket AF_INET", false, "allowed"},
		{"socket AF_INET6", false, "allowed"},
		{"io_uring", false, "not refused by a filter: bad address"},
		{"ptrace", false, "not refused by a filter: no such process"},
		{"process_vm_readv", false, "allowed: it reads another process's memory"},
		{"process_vm_writev", false, "allowed: it changes another process's memory, and so what that process does"},
		{"pidfd_getfd", false, "not refused by a filter: bad file descriptor"},
		{"prctl PR_SET_DUMPABLE", false, "not refused by a filter: invalid argument"},
		{"recvmsg", false, "not refused by a filter: bad file descriptor"},
		{"recvmmsg", false, "not refused by a filter: bad file descriptor"},
		{"ioctl TIOCSTI", false, "not refused by a filter: bad file descriptor"},
		{"ioctl TIOCLINUX", false, "not refused by a filter: bad file descriptor"},
		{"request_key", false, "not refused by a filter: bad address"},
		{"undumpable", false, "dumpable is 1"},
		{"freed memory wiped", false, "the program was started without " + tunables},
	} {
		if got := r.row(want.Name); got != want {
			t.Errorf("\n got %+v\nwant %+v", got, want)
		}
	}
}

func TestCalls(t *testing.T) {
	got := run(t, command(t, "calls")).Errnos
	want := map[string]int{
		"socketpair AF_UNIX":            0,
		"socketpair AF_INET":            int(unix.EACCES),
		"socketpair AF_TIPC":            int(unix.EACCES),
		"socket AF_UNIX, high half set": 0, // the kernel takes an int
		"socket AF_INET, high half set": int(unix.EACCES),
		"io_uring_setup":                int(unix.EPERM),
		"number of x32":                 int(unix.ENOSYS),
		"getpid":                        0,
	}
	if !maps.Equal(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

func TestApplyFails(t *testing.T) {
	const outside = "run it on Linux 3.17 or later with CONFIG_SECCOMP_FILTER, outside sandboxes that forbid this"
	for _, test := range []struct{ child, text, hint string }{
		{"limit denied", "the kernel did not turn off core dumps: operation not permitted", outside},
		{"dumpable denied", "the kernel did not make the process undumpable: operation not permitted", outside},
		{"privs denied", "the kernel did not forbid new privileges: operation not permitted", outside},
		{"seccomp denied", "the kernel did not take the filter of system calls: operation not permitted", outside},
		{
			"thread of itself", "the kernel did not take the filter of system calls: a thread has one of its own",
			"start it from a shell of its own, without preloaded libraries or a debugger",
		},
	} {
		t.Run(test.child, func(t *testing.T) {
			r := run(t, command(t, test.child))
			if r.Error != test.text || r.Hint != test.hint || r.Code != exitcode.Failed || r.AllOK {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestApplyFindsAnInheritedSocket(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := command(t, "confined")
	cmd.ExtraFiles = []*os.File{file}
	r := run(t, cmd)
	if r.Error != "the kernel does not confine this program: open sockets: to a network, as file descriptor 3" ||
		r.Hint != "start it from a shell of its own, without that file or sandbox around it" || r.Code != exitcode.Failed {
		t.Errorf("%+v", r)
	}
}

// TestChildProcessesAreConfined runs another language's program, with its own
// C library and threads, under the filter.
func TestChildProcessesAreConfined(t *testing.T) {
	const script = `
import ctypes, os, socket, threading
def attempt(name, call):
    try:
        call(); print(name, "allowed")
    except OSError as e:
        print(name, os.strerror(e.errno))
def libc(number, *args):
    lib = ctypes.CDLL(None, use_errno=True)
    if lib.syscall(number, *args) < 0:
        raise OSError(ctypes.get_errno(), "")
attempt("inet", lambda: socket.socket(socket.AF_INET))
attempt("inet6", lambda: socket.socket(socket.AF_INET6))
attempt("resolve", lambda: socket.create_connection(("127.0.0.1", 9)))
attempt("unix", lambda: socket.socket(socket.AF_UNIX))
attempt("pair", lambda: socket.socketpair())
attempt("ring", lambda: libc(425, 1, 0))
t = threading.Thread(target=attempt, args=("thread", lambda: socket.socket(socket.AF_INET)))
t.start(); t.join()
pid = os.fork()
if pid == 0:
    attempt("fork", lambda: socket.socket(socket.AF_INET)); os.sys.stdout.flush(); os._exit(0)
os.waitpid(pid, 0)
`
	out, err := command(t, "python", "BYOK_CONFINE_TEST_SCRIPT="+script, "PYTHONUNBUFFERED=1").CombinedOutput()
	const want = "inet Permission denied\ninet6 Permission denied\nresolve Permission denied\n" +
		"unix allowed\npair allowed\nring Operation not permitted\nthread Permission denied\nfork Permission denied\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\n got %swant %s(python3 judges this package: apt-get install python3)", err, out, want)
	}
}
