package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"byok/internal/exitcode"
)

// TestPhoneHome loads a hostile library (testdata/phonehome.c), beside a willing
// process of the same user outside. Whatever would take the library to a network
// or into another process is refused, from wherever in the library it is tried,
// by root and by an ordinary user. Each attempt is first made without
// confinement: what works there counts. What no filter can refuse works inside
// as well, and is named so.
func TestPhoneHome(t *testing.T) {
	const needed = 6 // Landlock's interface of Linux 6.12
	version, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 || version < needed {
		t.Fatalf("this kernel has Landlock's interface %d (%v), and this test needs %d: run it on Linux 6.12 or later, "+
			"with CONFIG_SECURITY_LANDLOCK", version, errno, needed)
	}
	users := []int{os.Geteuid()}
	if os.Geteuid() == 0 {
		users = append(users, 65534)
	}
	refused, tried := 0, 0
	for _, user := range users {
		h := newPhone(t, user)
		control := h.attacks(t, "", exec.Command(h.program))
		for _, name := range worksAnywhere {
			if control[name] != 0 {
				t.Errorf("as user %d: without confinement %s does not work (%v): the test shows nothing of it",
					user, name, syscall.Errno(control[name]))
			}
		}
		for _, from := range []string{"constructor", "initialize", "thread", "fork", "exec", "handler"} {
			n, m := h.judge(t, from, control)
			refused, tried = refused+n, tried+m
		}
	}
	t.Logf("beyond a filter: asking a willing process by a socket with a path; writing the user's files; " +
		"as root, reading another process's environment")
	t.Logf("what works outside for a hostile library, refused inside: %d of %d", refused, tried)
}

// beyond begins the name of what no filter can refuse.
const beyond = "beyond: "

// readByRoot is what a kernel from 6.13 on lets root do whatever his domain
// (CAP_PERFMON): reading what /proc says of another process, not its memory.
const readByRoot = "another process's environment, /proc/PID/environ"

// foreignCall ends the process that makes it.
const foreignCall = "a call of the 32-bit table"

// worksAnywhere must work without confinement, or nothing is shown.
var worksAnywhere = []string{
	"socket of family 2", "socket of family 10",
	"a socket passed by an abstract socket, recvmsg", "a socket passed by an abstract socket, recvmmsg",
	"a socket passed by a socket with a path, recvmsg", "a socket passed by a socket with a path, recvmmsg",
	"asking a willing process by an abstract socket", "another process's socket, pidfd_getfd",
	"ptrace, attach", "ptrace, seize",
	"another process's memory, process_vm_readv", "another process's memory, process_vm_writev",
	"another process's memory, /proc/PID/mem read", "another process's memory, /proc/PID/mem written",
	readByRoot,
	"another process signalled, kill", "another process signalled, pidfd_send_signal",
	"the supervisor's memory, /proc/PID/mem", "the supervisor's memory, /proc/PID/task/TID/mem",
	"the supervisor signalled, kill", "the supervisor signalled, tgkill", "the supervisor signalled, pidfd_send_signal",
	"prctl PR_SET_DUMPABLE", "a FIFO",
	"beyond: asking a willing process by a socket with a path", "beyond: writing a file of the user's",
}

// phone is a hostile library and what it needs, for one user.
type phone struct {
	user               int
	dir                string
	program, library   string
	accomplice, binary string
}

func newPhone(t *testing.T, user int) *phone {
	t.Helper()
	h := &phone{user: user, dir: openFolder(t), binary: builtProgram(t)}
	h.program = h.compiled(t, "phonehome", "-DPROGRAM", "phonehome.c")
	h.library = h.compiled(t, "phonehome.so", "-shared", "-fPIC", "phonehome.c")
	ally := exec.Command(h.compiled(t, "accomplice", "accomplice.c"),
		fmt.Sprintf("@byok-phonehome-%d-%d", os.Getpid(), user), filepath.Join(h.dir, "socket"))
	if err := os.Chown(h.dir, user, -1); err != nil {
		t.Fatal(err)
	}
	h.owned(ally)
	stdin, stdout := mustDo(ally.StdinPipe())(t), mustDo(ally.StdoutPipe())(t)
	if err := ally.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = ally.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the accomplice says nothing: %v", err)
	}
	h.accomplice = strings.TrimSpace(line)
	return h
}

func (h *phone) compiled(t *testing.T, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(h.dir, name)
	args[len(args)-1] = filepath.Join("testdata", args[len(args)-1])
	args = append([]string{"-Wall", "-Wextra", "-O1", "-pthread", "-o", path}, args...)
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("cc (apt-get install gcc libc6-dev): %v\n%s", err, out)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// owned has a command run as the user, without a terminal.
func (h *phone) owned(cmd *exec.Cmd) {
	cmd.Dir = h.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if h.user != os.Geteuid() {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(h.user), Gid: uint32(h.user)}
	}
}

// attacks runs a command that attacks, and returns what came of it, an errno each.
func (h *phone) attacks(t *testing.T, from string, cmd *exec.Cmd) map[string]int {
	t.Helper()
	files := filepath.Join(h.dir, "files-"+from)
	found := files + ".txt"
	if err := os.Mkdir(files, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(files, h.user, -1); err != nil {
		t.Fatal(err)
	}
	h.owned(cmd)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + files, "TMPDIR=" + files, "BYOK_KMDATA=" + files + "/kmdata",
		"BYOK_PHONE_FROM=" + from, "BYOK_PHONE_EXEC=" + h.program, "BYOK_PHONE_OUT=" + found, "BYOK_PHONE_DIR=" + files,
		"BYOK_PHONE_ACCOMPLICE=" + h.accomplice}
	if from == "" {
		pid, _, _ := strings.Cut(h.accomplice, ":")
		cmd.Env = append(cmd.Env, "BYOK_PHONE_SUPERVISOR="+pid)
	}
	out, _ := cmd.CombinedOutput()
	if status := cmd.ProcessState.ExitCode(); from != "" && status != int(exitcode.HSM) || from == "" && status != 0 {
		t.Errorf("from %q as user %d: status %d\n%s", from, h.user, status, out)
	}
	errnos := map[string]int{}
	for line := range strings.Lines(string(mustDo(os.ReadFile(found))(t))) {
		name, errno, _ := strings.Cut(strings.TrimSpace(line), "\t")
		errnos[name] = mustDo(strconv.Atoi(errno))(t)
	}
	if _, whole := errnos[fmt.Sprintf("ended as %d", h.user)]; !whole {
		t.Fatalf("from %q as user %d: the attacks did not come to their end: %v\n%s", from, h.user, errnos, out)
	}
	return errnos
}

// refusals are the answers to an attempt that mean a refusal.
func refusals(name string) []syscall.Errno {
	if name == foreignCall {
		return []syscall.Errno{syscall.Errno(syscall.SIGSYS)}
	}
	return []syscall.Errno{syscall.EACCES, syscall.EPERM}
}

// judge attacks from one place, and counts what works outside and was refused.
func (h *phone) judge(t *testing.T, from string, control map[string]int) (refused, tried int) {
	t.Helper()
	inside := h.attacks(t, from, exec.Command(h.binary, "module", "check", "--module-path", h.library))
	if len(inside) != len(control) {
		t.Errorf("from %s as user %d: %d attempts, and %d outside", from, h.user, len(inside), len(control))
	}
	for name, outside := range control {
		errno := syscall.Errno(inside[name])
		switch {
		case strings.HasPrefix(name, "ended as"), name == readByRoot && h.user == 0:
		case strings.HasPrefix(name, beyond):
			if errno != 0 {
				t.Errorf("from %s as user %d: %s does not work any more (%v): name it among what is refused",
					from, h.user, strings.TrimPrefix(name, beyond), errno)
			}
		case outside == 0:
			tried++
			if name == foreignCall {
				errno -= 1000 // the signal that ended the child
			}
			if !slices.Contains(refusals(name), errno) {
				t.Errorf("from %s as user %d: %s: %d (%v)", from, h.user, name, errno, errno)
				continue
			}
			refused++
		case errno == 0:
			t.Errorf("from %s as user %d: %s works inside alone", from, h.user, name)
		case strings.HasPrefix(name, "socket") && errno != syscall.EACCES: // the filter's answer, whatever the kernel's
			t.Errorf("from %s as user %d: %s: %v", from, h.user, name, errno)
		}
	}
	return refused, tried
}
