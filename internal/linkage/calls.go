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
// socket(2) and its kin come io_uring(7), which does without them, and what has
// the kernel itself use a network, or other code run in it: a mount of another
// computer's files, a key that is asked for (of a name server, for one), modules.
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
		{"mount", 165, 40},
		{"fsopen", 430, 430},
		{"request_key", 249, 218},
		{"init_module", 175, 105},
		{"finit_module", 313, 273},
		{"kexec_load", 246, 104},
		{"kexec_file_load", 320, 294},
		{"bpf", 321, 280},
	}
}

// sigreturn sets all registers: the next call's number too, and where it is made.
func sigreturn() call { return call{"rt_sigreturn", 15, 139} }

// startingCalls start a program.
func startingCalls() []call { return []call{{"execve", 59, 221}, {"execveat", 322, 281}} }

// mappingCalls make memory that can be executed, or what is read executable.
func mappingCalls() []call {
	return []call{
		{"mmap", 9, 222},
		{"mprotect", 10, 226},
		{"pkey_mprotect", 329, 288},
		{"shmat", 30, 196},
		{"personality", 135, 92},
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
		name := nameOf(k, calls, s.image.Arch)
		switch {
		case k.Foreign:
			found = append(found, place{"a call of the 32-bit table", where(k)})
		case k.Number >= 0 && k.Number&x32 != 0:
			found = append(found, place{fmt.Sprintf("call %#x of x32", k.Number), where(k)})
		case name != "":
			found = append(found, place{name, where(k)})
		}
	}
	return found
}

// nameOf returns which of the calls it is, or "".
func nameOf(k machinecode.Call, calls []call, arch string) string {
	for _, c := range calls {
		if c.number(arch) == k.Number && !k.Foreign {
			return c.name
		}
	}
	return ""
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
		switch {
		case k.Foreign:
		case k.Number == machinecode.Unknown:
			found = append(found, place{"a number", where(k)})
		case k.Number == sigreturn().number(s.image.Arch):
			found = append(found, place{"all registers", where(k)})
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
			what: whole(`ptrace|mount`), by: whole(`syscall\.forkAndExecInChild1`),
			reason: "a program that is started asks to be traced, or for mounts of its own, if its starter has chosen so",
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
		{
			what: whole(`all registers`), by: whole(`runtime\.sigreturn__sigaction`),
			reason: "the end of a signal's handler, in every program of Go",
		},
	}
}
