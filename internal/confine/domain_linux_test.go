//go:build amd64 || arm64

package confine

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"byok/internal/exitcode"
)

// entered is another child, of which the domain holds every thread.
func entered(allowNetwork bool, child string) report {
	runtime.LockOSThread()
	err := EnterDomain(allowNetwork)
	if err == nil {
		err = os.Setenv(childVariable, child)
	}
	if err == nil {
		err = unix.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	return reportOf(Status{}, err)
}

// targetVariable says where the process outside is: its number, its TCP port,
// its sockets with an abstract name and with a path.
const targetVariable = "BYOK_CONFINE_TEST_TARGET"

// childReaching tries to reach the process outside, and what a domain refuses
// besides.
func childReaching() report {
	var pid, port int
	var abstract, path string
	if _, err := fmt.Sscan(os.Getenv(targetVariable), &pid, &port, &abstract, &path); err != nil {
		return reportOf(Status{}, err)
	}
	dir, err := os.MkdirTemp("", "byok-")
	if err != nil {
		return reportOf(Status{}, err)
	}
	defer os.RemoveAll(dir)
	r := report{Errnos: map[string]int{}}
	try := func(name string, err error) {
		var errno unix.Errno
		errors.As(err, &errno)
		r.Errnos[name] = int(errno)
	}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, task := range tasks {
		var tid int
		_, _ = fmt.Sscan(filepath.Base(task), &tid)
		try("memory of a thread", openFile(task+"/mem"))
		try("signal to a thread", unix.Tgkill(pid, tid, 0))
	}
	try("memory", openFile(fmt.Sprintf("/proc/%d/mem", pid)))
	try("signal", unix.Kill(pid, 0))
	try("abstract socket", connect(unix.AF_UNIX, &unix.SockaddrUnix{Name: "@" + abstract}))
	try("socket with a path", connect(unix.AF_UNIX, &unix.SockaddrUnix{Name: path}))
	local := [4]byte{127, 0, 0, 1}
	try("TCP to a listener", connect(unix.AF_INET, &unix.SockaddrInet4{Port: port, Addr: local}))
	try("TCP listener", bind(&unix.SockaddrInet4{Addr: local}))
	try("FIFO", unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	if os.Geteuid() == 0 {
		try("device", unix.Mknod(filepath.Join(dir, "null"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
	}
	inner := filepath.Join(dir, "inner")
	try("file", errors.Join(os.Mkdir(inner, 0o700), os.WriteFile(filepath.Join(dir, "a"), nil, 0o600)))
	try("rename into another folder", unix.Rename(filepath.Join(dir, "a"), filepath.Join(inner, "b")))
	return r
}

func openFile(path string) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

func connect(family int, to unix.Sockaddr) error {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, to)
}

func bind(to unix.Sockaddr) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Bind(fd, to)
}

// TestDomain has this process, outside, reached from a domain that lets TCP
// through and from one that does not; first, so that it is known to work here,
// from none.
func TestDomain(t *testing.T) {
	if v := landlockVersion(); v < landlockScope {
		t.Fatalf("this kernel has Landlock's interface %d, and these tests need %d: run them on Linux 6.12 or later, "+
			"with CONFIG_SECURITY_LANDLOCK", v, landlockScope)
	}
	abstract, path := fmt.Sprintf("byok-confine-%d", os.Getpid()), filepath.Join(t.TempDir(), "socket")
	tcp := listen(t, "tcp", "127.0.0.1:0").Addr().(*net.TCPAddr).Port
	listen(t, "unix", "@"+abstract)
	listen(t, "unix", path)
	target := fmt.Sprintf("%s=%d %d %s %s", targetVariable, os.Getpid(), tcp, abstract, path)
	const access, privilege = int(unix.EACCES), int(unix.EPERM)
	open := map[string]int{
		"memory": 0, "memory of a thread": 0, "signal": 0, "signal to a thread": 0, "abstract socket": 0,
		"socket with a path": 0, "TCP to a listener": 0, "TCP listener": 0, "FIFO": 0, "file": 0,
		"rename into another folder": 0,
	}
	if os.Geteuid() == 0 {
		open["device"] = 0
	}
	network := maps.Clone(open)
	maps.Copy(network, map[string]int{
		"memory": access, "memory of a thread": access, "signal": privilege, "signal to a thread": privilege,
		"abstract socket": privilege, "FIFO": access,
	})
	if os.Geteuid() == 0 {
		network["device"] = access
	}
	closed := maps.Clone(network)
	closed["TCP to a listener"], closed["TCP listener"] = access, access
	for _, test := range []struct {
		child string
		want  map[string]int
	}{{"reaching", open}, {"reaching from a domain with network", network}, {"reaching from a domain", closed}} {
		if r := run(t, command(t, test.child, target)); r.Error != "" || !maps.Equal(r.Errnos, test.want) {
			t.Errorf("%s: %s\n got %v\nwant %v", test.child, r.Error, r.Errnos, test.want)
		}
	}
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestDomainOfEveryKernel: a right that a kernel does not know is not asked for.
func TestDomainOfEveryKernel(t *testing.T) {
	const files = never | unix.LANDLOCK_ACCESS_FS_REFER
	const tcp = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	const scope = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	for _, test := range []struct {
		version int
		network bool
		want    unix.LandlockRulesetAttr
	}{
		{2, false, unix.LandlockRulesetAttr{Handled_access_fs: files}},
		{3, false, unix.LandlockRulesetAttr{Handled_access_fs: files}},
		{4, false, unix.LandlockRulesetAttr{Handled_access_fs: files, Handled_access_net: tcp}},
		{5, true, unix.LandlockRulesetAttr{Handled_access_fs: files}},
		{6, false, unix.LandlockRulesetAttr{Handled_access_fs: files, Handled_access_net: tcp, Scoped: scope}},
		{7, true, unix.LandlockRulesetAttr{Handled_access_fs: files, Scoped: scope}},
	} {
		if got := domain(test.version, test.network); got != test.want {
			t.Errorf("version %d, network %v: %+v", test.version, test.network, got)
		}
	}
}

// TestOutOfReach: an older kernel's domain claims less.
func TestOutOfReach(t *testing.T) {
	for version, want := range map[int]string{
		2: "other processes are out of reach by /proc; by signals and abstract sockets only from Linux 6.12 on",
		5: "other processes are out of reach by /proc; by signals and abstract sockets only from Linux 6.12 on",
		6: "other processes are out of reach, also by /proc",
	} {
		if got := outOfReach(version); got != want {
			t.Errorf("version %d: %s", version, got)
		}
	}
}

// forbidding is in a sandbox that forbids a system call with one argument.
func forbidding(number, argument, value uint32, errno unix.Errno) {
	_ = install([]unix.SockFilter{
		load(offsetNumber),
		skip(unix.BPF_JEQ, number, 0, 3),
		load(offsetArguments + 8*argument),
		skip(unix.BPF_JEQ, value, 0, 1),
		answer(unix.SECCOMP_RET_ERRNO | uint32(errno)),
		answer(allow),
	})
}

// childEnters enters a domain where that system call is forbidden.
func childEnters(number, argument, value uint32, errno unix.Errno) func() report {
	return func() report {
		runtime.LockOSThread()
		forbidding(number, argument, value, errno)
		err := EnterDomain(false)
		return reportOf(Status{[]Row{landlocked()}}, err)
	}
}

func TestEnterDomainFails(t *testing.T) {
	const text = "the kernel did not take the program's Landlock domain: "
	for _, test := range []struct{ child, text string }{
		{"ruleset denied", text + "landlock_create_ruleset: operation not permitted"},
		{"rule denied", text + "landlock_add_rule: operation not permitted"},
		{"no new privileges denied", text + "prctl: operation not permitted"},
		{"domain denied", text + "landlock_restrict_self: operation not permitted"},
	} {
		r := run(t, command(t, test.child))
		if r.Error != test.text || r.Code != exitcode.Failed ||
			r.Hint != "run it on Linux 3.17 or later with CONFIG_SECCOMP_FILTER, outside sandboxes that forbid this" {
			t.Errorf("%s: %+v", test.child, r)
		}
	}
	r := run(t, command(t, "without Landlock"))
	if want := outsideTable([]Row{{Name: "Landlock domain"}})[0]; r.Error != "" || r.row(want.Name) != want {
		t.Errorf("without Landlock: %+v", r)
	}
}

// TestDomainUntried: where no FIFO could be made anyway, nothing is claimed.
func TestDomainUntried(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	want := Row{"Landlock domain", false, "cannot be tried: stat " + none + ": no such file or directory"}
	if got := run(t, command(t, "in a domain", "TMPDIR="+none)).row(want.Name); got != want {
		t.Errorf("%+v", got)
	}
	want.Detail = "cannot be tried: a FIFO: operation not permitted"
	if got := run(t, command(t, "FIFO denied")).row(want.Name); got != want {
		t.Errorf("%+v", got)
	}
}
