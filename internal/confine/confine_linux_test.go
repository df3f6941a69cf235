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

const refused = "refused: permission denied"

// confinedTable is "confine status" of a confined process, # for a number.
func confinedTable() []Row {
	return []Row{
		{"socket AF_INET", true, refused},
		{"socket AF_INET6", true, refused},
		{"socket AF_NETLINK", true, refused},
		{"socket AF_PACKET", true, refused},
		{"socket AF_VSOCK", true, refused},
		{"io_uring", true, "refused: operation not permitted"},
		{"socket AF_UNIX", true, "allowed"},
		{"open sockets", true, "none to a network"},
		{"seccomp filter", true, "on # of # threads"},
		{"no new privileges", true, "on # of # threads"},
		{"core file size", true, "limit # bytes"},
		{"undumpable", true, "dumpable is #"},
	}
}

// networkTable is the same with a network allowed.
func networkTable() []Row {
	table := confinedTable()
	for i := range 5 {
		table[i] = Row{table[i].Name, false, "allowed"}
	}
	return table
}

func normal(rows []Row) []Row {
	out := slices.Clone(rows)
	for i := range out {
		if out[i].Name != "io_uring" {
			out[i].Detail = regexp.MustCompile(`\d+`).ReplaceAllString(out[i].Detail, "#")
		}
	}
	return out
}

func TestApply(t *testing.T) {
	for _, child := range []string{"confined", "twice", "threads", "not lifted"} {
		r := run(t, command(t, child))
		if r.Error != "" {
			t.Fatalf("%s: %s", child, r.Error)
		}
		if got, want := normal(r.Rows)[:12], confinedTable(); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", child, got, want)
		}
		if last := r.Rows[12]; len(r.Rows) != 13 || last.Name != "locked memory" || r.AllOK != last.OK {
			t.Errorf("%s: %+v, all OK: %v", child, last, r.AllOK)
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
	if out, err := command(t, "tripped").Output(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGSYS {
		t.Errorf("Check passed the tripwire: %v: %s", err, out)
	}
}

func TestApplyWithNetwork(t *testing.T) {
	r := run(t, command(t, "network"))
	if r.Error != "" || r.AllOK {
		t.Fatalf("%q, all OK: %v", r.Error, r.AllOK)
	}
	got, want := normal(r.Rows)[:12], networkTable()
	for _, row := range []int{2, 3, 4} { // why not depends on the kernel and on being root
		got[row].Detail = "allowed"
	}
	for _, row := range []int{5, 8, 9} { // a container has a filter of its own
		got[row] = want[row]
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestCheckFindsNothingInPlace(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `ulimit -S -c unlimited 2>/dev/null; exec "$0"`, command(t, "unconfined").Path)
	cmd.Env = command(t, "unconfined").Env
	rows := run(t, cmd).Rows
	for _, name := range []string{"socket AF_INET", "socket AF_INET6", "undumpable"} {
		i := slices.IndexFunc(rows, func(r Row) bool { return r.Name == name })
		if i < 0 || rows[i].OK {
			t.Errorf("%s: %+v", name, rows)
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
	for child, want := range map[string]struct{ text, hint string }{
		"limit denied":     {"the kernel did not turn off core dumps: operation not permitted", outside},
		"dumpable denied":  {"the kernel did not make the process undumpable: operation not permitted", outside},
		"privs denied":     {"the kernel did not forbid new privileges: operation not permitted", outside},
		"seccomp denied":   {"the kernel did not take the socket filter: operation not permitted", outside},
		"thread of itself": {"the kernel did not take the socket filter: a thread has a filter of its own", "start it from a shell of its own, without preloaded libraries or a debugger"},
	} {
		r := run(t, command(t, child))
		if r.Error != want.text || r.Hint != want.hint || r.Code != exitcode.Failed || r.AllOK {
			t.Errorf("%s: %+v", child, r)
		}
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
	if r.Error != "this program is not cut off from networks: open sockets: to a network, as file descriptor 3" ||
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
	out, err := command(t, "python", "CONFINE_TEST_SCRIPT="+script, "PYTHONUNBUFFERED=1").CombinedOutput()
	const want = "inet Permission denied\ninet6 Permission denied\nresolve Permission denied\nunix allowed\npair allowed\n" +
		"ring Operation not permitted\nthread Permission denied\nfork Permission denied\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\n got %swant %s(python3 judges this package: apt-get install python3)", err, out, want)
	}
}
