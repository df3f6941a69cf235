//go:build amd64 || arm64

package confine

import (
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"byok/internal/version"
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
	return []family{
		{"socket AF_NETLINK", unix.AF_NETLINK},
		{"socket AF_PACKET", unix.AF_PACKET},
		{"socket AF_VSOCK", unix.AF_VSOCK},
	}
}

// Check tries what is to be refused and what is to be allowed, and reads what
// the kernel says of the process and the linker of the program. It changes
// nothing.
func Check() Status {
	rows := socketRows(append(internetFamilies(), localFamilies()...))
	for _, more := range [][]Row{
		callRows(messageRules()), callRows(callRules()), unixRows(),
		{landlocked()}, threadRows(), memoryRows(), buildRows(version.Built()),
	} {
		rows = append(rows, more...)
	}
	return Status{rows}
}

func socketRows(families []family) []Row {
	var rows []Row
	for _, f := range families {
		rows = append(rows, refusal(f.name, socket(f.number), unix.EACCES, "allowed"))
	}
	return rows
}

// callRows try rules about other calls than those for sockets.
func callRows(rules []rule) []Row {
	var rows []Row
	for _, r := range rules {
		_, _, errno := unix.RawSyscall6(uintptr(r.number), r.try[0], r.try[1], 0, 0, 0, 0)
		rows = append(rows, refusal(r.name, errno, unix.EPERM, "allowed: "+r.reason))
	}
	return rows
}

// unixRows are about the sockets that stay.
func unixRows() []Row { return []Row{probeUnix(), openSockets()} }

// threadRows are about how far the filter reaches.
func threadRows() []Row {
	return []Row{threads("seccomp filter", "Seccomp", "2"), threads("no new privileges", "NoNewPrivs", "1")}
}

// memoryRows are about secrets in memory.
func memoryRows() []Row {
	return []Row{coreLimit(), dumpable(), lockable(), wiped()}
}

// refusal judges the answer to a call that the filter refuses with want. It
// answers before the kernel looks at the arguments, so that no other error
// counts, except that a kernel may be without the call.
func refusal(name string, errno, want unix.Errno, allowed string) Row {
	switch errno {
	case want, unix.ENOSYS:
		return Row{name, true, "refused: " + errno.Error()}
	case 0:
		return Row{name, false, allowed}
	}
	return Row{name, false, "not refused by a filter: " + errno.Error()}
}

// socket opens and closes a socket, by the bare system call.
func socket(family uintptr) unix.Errno {
	fd, _, errno := unix.RawSyscall(unix.SYS_SOCKET, family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errno == 0 {
		_ = unix.Close(int(fd))
	}
	return errno
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
// call; any other file descriptor has none.
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
