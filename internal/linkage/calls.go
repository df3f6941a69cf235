package linkage

import (
	"fmt"
	"slices"

	"byok/internal/machinecode"
)

// call is a system call of Linux by its numbers (asm/unistd.h).
type call struct {
	name         string
	amd64, arm64 int64
}

// networkCalls make sockets, use them, or get at those of other processes. To
// socket(2) and its kin comes io_uring(7), which does without them.
func networkCalls() []call {
	return []call{
		{"socket", 41, 198},
		{"connect", 42, 203},
		{"accept", 43, 202},
		{"sendto", 44, 206},
		{"recvfrom", 45, 207},
		{"sendmsg", 46, 211},
		{"recvmsg", 47, 212},
		{"shutdown", 48, 210},
		{"bind", 49, 200},
		{"listen", 50, 201},
		{"getsockname", 51, 204},
		{"getpeername", 52, 205},
		{"socketpair", 53, 199},
		{"setsockopt", 54, 208},
		{"getsockopt", 55, 209},
		{"accept4", 288, 242},
		{"recvmmsg", 299, 243},
		{"sendmmsg", 307, 269},
		{"ptrace", 101, 117},
		{"process_vm_writev", 311, 271},
		{"io_uring_setup", 425, 425},
		{"io_uring_enter", 426, 426},
		{"io_uring_register", 427, 427},
		{"pidfd_getfd", 438, 438},
	}
}

// x32 is set in the numbers of another table of amd64, with the same calls.
const x32 = 0x40000000

func (c call) number(arch string) int64 {
	if arch == "arm64" {
		return c.arm64
	}
	return c.amd64
}

// systemCalls finds calls whose number stands in the code.
func systemCalls(s subject) (found []place) {
	calls := networkCalls()
	for _, k := range s.code.Kernel {
		i := slices.IndexFunc(calls, func(c call) bool { return c.number(s.image.Arch) == k.Number&^x32 })
		switch {
		case k.Foreign:
			found = append(found, place{"a call of the 32-bit table", where(k)})
		case k.Number >= 0 && k.Number&x32 != 0:
			found = append(found, place{fmt.Sprintf("call %#x of x32", k.Number), where(k)})
		case i >= 0:
			found = append(found, place{calls[i].name, where(k)})
		}
	}
	return found
}

// where is a function's name, or an address.
func where(k machinecode.Call) string {
	if k.By == machinecode.NoName {
		return fmt.Sprintf("%s at %#x", k.By, k.Address)
	}
	return k.By
}

// unknownCalls finds calls whose number does not stand in the code.
func unknownCalls(s subject) (found []place) {
	for _, k := range s.code.Kernel {
		if k.Number == machinecode.Unknown && !k.Foreign {
			found = append(found, place{"a number", where(k)})
		}
	}
	return found
}

// anyCalls is for Windows, where programs call libraries, not the kernel.
func anyCalls(s subject) (found []place) {
	for _, k := range s.code.Kernel {
		found = append(found, place{"a system call", where(k)})
	}
	return found
}

// gateValues finds functions that call the kernel with any number and whose
// address is taken: who calls them then, and with which number, is not known.
func gateValues(s subject) (found []place) {
	for _, u := range s.code.Uses {
		if _, gate := slices.BinarySearch(s.code.Gates, u.Name); gate && u.Address {
			by := u.By
			if by == "" {
				by = inData
			}
			found = append(found, place{u.Name, by})
		}
	}
	return found
}

// expectedCalls explains the calls of networking that byok-offline holds.
func expectedCalls() []expectation {
	return []expectation{
		{
			what: whole(`accept4|sendto|recvfrom|sendmsg|recvmsg|shutdown|setsockopt|getsockopt`), by: whole(`syscall\.\w+`),
			reason: "for a descriptor that is open already: Go's internal/poll, in every program that reads files",
		},
		{
			what: whole(`ptrace`), by: whole(`syscall\.forkAndExecInChild1`),
			reason: "a program that is started asks to be traced, if its starter has chosen so",
		},
		{
			what: whole(`socket|getsockopt`), by: whole(`byok/internal/confine\.\w+`),
			reason: "confine status and the start-up try sockets, so as to show that the kernel refuses them",
		},
	}
}

// expectedUnknown explains the calls whose number comes from elsewhere.
func expectedUnknown() []expectation {
	const number = `a number`
	return []expectation{
		{
			what: whole(number), by: whole(`byok/internal/confine\.callRows`),
			reason: "confine status tries each call of its table that the kernel is to refuse",
		},
		{
			what: whole(number), by: whole(`golang\.org/x/sys/unix\.fcntl|internal/syscall/unix\.fcntl`),
			reason: "fcntl, whose number differs between platforms",
		},
		{
			what: whole(number), by: whole(`syscall\.forkAndExecInChild1`),
			reason: "Go's start of another program: clone, or clone3",
		},
		{
			what: whole(number), by: whole(`runtime\.runPerThreadSyscall`),
			reason: "syscall.AllThreadsSyscall, which nothing here calls",
		},
	}
}
