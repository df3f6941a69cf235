//go:build amd64 || arm64

package confine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// family is an address family to be probed.
type family struct {
	name   string
	number uintptr
}

// internetFamilies lead to other machines.
func internetFamilies() []family {
	return []family{{"socket AF_INET", unix.AF_INET}, {"socket AF_INET6", unix.AF_INET6}}
}

// localFamilies are the other ways out of a workstation: the kernel's network
// configuration, raw frames, and a virtual machine's host.
func localFamilies() []family {
	return []family{{"socket AF_NETLINK", unix.AF_NETLINK}, {"socket AF_PACKET", unix.AF_PACKET}, {"socket AF_VSOCK", unix.AF_VSOCK}}
}

// Check tries what is to be refused and what is to be allowed, and reads what
// the kernel says of the process. It changes nothing.
func Check() Status {
	rows := socketRows(append(internetFamilies(), localFamilies()...))
	return Status{append(append(rows, filterRows()...), memoryRows()...)}
}

func socketRows(families []family) []Row {
	var rows []Row
	for _, f := range families {
		rows = append(rows, probeSocket(f))
	}
	return rows
}

// filterRows are about the rest of what the filter does, and the filter.
func filterRows() []Row {
	return []Row{
		probeIOUring(), probeUnix(), openSockets(),
		threads("seccomp filter", "Seccomp", "2"), threads("no new privileges", "NoNewPrivs", "1"),
	}
}

// memoryRows are about secrets in memory.
func memoryRows() []Row {
	return []Row{coreLimit(), dumpable(), lockable()}
}

// probeSocket asks for a socket. The filter answers before the kernel looks
// whether it knows the family, so that nothing but its EACCES counts.
func probeSocket(f family) Row {
	errno := socket(f.number)
	if errno == unix.EACCES {
		return Row{f.name, true, "refused: " + errno.Error()}
	}
	if errno != 0 {
		return Row{f.name, false, "not refused by a filter: " + errno.Error()}
	}
	return Row{f.name, false, "allowed"}
}

// socket opens and closes a socket, by the bare system call.
func socket(family uintptr) unix.Errno {
	fd, _, errno := unix.RawSyscall(unix.SYS_SOCKET, family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errno == 0 {
		_ = unix.Close(int(fd))
	}
	return errno
}

// probeIOUring passes no parameters: a kernel that would serve the call then
// says EFAULT, and no ring is made.
func probeIOUring() Row {
	const name = "io_uring"
	_, _, errno := unix.RawSyscall(unix.SYS_IO_URING_SETUP, 1, 0, 0)
	if errno == unix.EPERM || errno == unix.ENOSYS {
		return Row{name, true, "refused: " + errno.Error()}
	}
	return Row{name, false, "allowed"}
}

func probeUnix() Row {
	const name = "socket AF_UNIX"
	if errno := socket(unix.AF_UNIX); errno != 0 {
		return Row{name, false, "refused, but HSM middleware needs it: " + errno.Error()}
	}
	return Row{name, true, "allowed"}
}

// openSockets looks for sockets that were there before the filter, such as
// one inherited from the program's parent.
func openSockets() Row {
	const name = "open sockets"
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return Row{name, false, err.Error()}
	}
	var found []string
	for _, e := range entries {
		if isNetworkSocket(e.Name()) {
			found = append(found, e.Name())
		}
	}
	if len(found) > 0 {
		return Row{name, false, "to a network, as file descriptor " + strings.Join(found, ", ")}
	}
	return Row{name, true, "none to a network"}
}

// isNetworkSocket asks the kernel for a socket's family, by the bare system
// call; a file descriptor that is no socket has none.
func isNetworkSocket(descriptor string) bool {
	fd, err := strconv.Atoi(descriptor)
	if err != nil {
		return false
	}
	var domain int32
	size := uint32(unsafe.Sizeof(domain))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_DOMAIN,
		uintptr(unsafe.Pointer(&domain)), uintptr(unsafe.Pointer(&size)), 0)
	return errno == 0 && domain != unix.AF_UNIX
}

// threads reads one field of every thread's status; each must have the value.
func threads(name, field, want string) Row {
	files, err := filepath.Glob("/proc/self/task/*/status")
	if err == nil && len(files) == 0 {
		err = errors.New("/proc is not mounted")
	}
	if err != nil {
		return Row{name, false, err.Error()}
	}
	have := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) || strings.Contains(string(text), "\n"+field+":\t"+want+"\n") {
			have++ // a thread that has ended meanwhile does no harm
		}
	}
	return Row{name, have == len(files), fmt.Sprintf("on %d of %d threads", have, len(files))}
}

func coreLimit() Row {
	const name = "core file size"
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		return Row{name, false, err.Error()}
	}
	return Row{name, limit == unix.Rlimit{}, "limit " + amount(limit.Max)}
}

func dumpable() Row {
	const name = "undumpable"
	n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		return Row{name, false, err.Error()}
	}
	return Row{name, n == 0, fmt.Sprintf("dumpable is %d", n)}
}

// lockable tries to lock a page, as package secret does.
func lockable() Row {
	const name = "locked memory"
	page, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err == nil {
		defer func() { _ = unix.Munmap(page) }()
		err = unix.Mlock(page)
	}
	if err != nil {
		return Row{name, false, "secrets may reach a swap file: " + err.Error()}
	}
	var limit unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) // only for the table
	return Row{name, true, "limit " + amount(limit.Max)}
}

func amount(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "none"
	}
	return fmt.Sprintf("%d bytes", n)
}
