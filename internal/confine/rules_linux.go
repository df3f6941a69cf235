//go:build amd64 || arm64

package confine

import (
	"slices"

	"golang.org/x/sys/unix"
)

// rule refuses a system call, or those uses of it that its conditions describe.
type rule struct {
	name   string // in the table of Check
	number uint32 // of the system call
	answer uint32
	when   []condition // all must hold for the call to be refused
	try    [2]uintptr  // arguments with which the call changes nothing where it is allowed
	reason string      // what the call would be good for
}

// condition compares the low half of an argument, counted from 0, with a value.
// Of the arguments that rules name, the kernel gives no meaning to more.
type condition struct {
	argument uint32
	equal    bool
	value    uint32
}

// What the filter answers.
//
//   - EACCES for a socket is what socket(2) documents for "permission to create
//     a socket of the specified type is denied". EAFNOSUPPORT would send
//     libraries on to the next address family and in the end blame the kernel.
//   - EPERM is what the other calls document for a caller without the privilege;
//     for io_uring it is what a kernel says whose administrator turned it off
//     (kernel.io_uring_disabled), and callers fall back.
//   - ENOSYS for x32 is what a kernel without x32 says.
//   - A call through another architecture's table (int 0x80 on amd64) ends the
//     process: its numbers mean other calls, and nothing here makes them.
const (
	allow       = unix.SECCOMP_RET_ALLOW
	killProcess = unix.SECCOMP_RET_KILL_PROCESS
	eacces      = unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)
	eperm       = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	enosys      = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// rules returns what the filter refuses: all of it, or with allowNetwork all
// but sockets.
func rules(allowNetwork bool) []rule {
	if allowNetwork {
		return callRules()
	}
	return slices.Concat(socketRules(), messageRules(), callRules())
}

// socketRules leave AF_UNIX, through which the middleware of HSMs is reached.
func socketRules() []rule {
	const reason = "it reaches other machines"
	notLocal := []condition{{argument: 0, equal: false, value: unix.AF_UNIX}}
	return []rule{
		{name: "socket", number: unix.SYS_SOCKET, answer: eacces, when: notLocal, reason: reason},
		{name: "socketpair", number: unix.SYS_SOCKETPAIR, answer: eacces, when: notLocal, reason: reason},
	}
}

// messageRules close the way by which another process hands over a socket that
// it has open (SCM_RIGHTS). The middleware of HSMs speaks by read and recv.
func messageRules() []rule {
	const reason = "a socket that another process has open arrives by it"
	none := [2]uintptr{noDescriptor, 0} // EBADF
	return []rule{
		{name: "recvmsg", number: unix.SYS_RECVMSG, answer: eperm, try: none, reason: reason},
		{name: "recvmmsg", number: unix.SYS_RECVMMSG, answer: eperm, try: none, reason: reason},
	}
}

// callRules are what a hostile library could otherwise use to reach a network
// without a socket of its own.
func callRules() []rule { return slices.Concat(processRules(), helperRules()) }

// processRules are about another process of the same user, which would be made
// to do it, and about opening this one to others.
func processRules() []rule {
	return []rule{
		{
			name:   "ptrace",
			number: unix.SYS_PTRACE,
			answer: eperm,
			try:    [2]uintptr{unix.PTRACE_PEEKDATA, 0}, // no process has the number 0: ESRCH
			reason: "it has another process open a socket, and reads and changes its memory",
		},
		{
			name:   "process_vm_readv",
			number: unix.SYS_PROCESS_VM_READV,
			answer: eperm,
			try:    [2]uintptr{0, 0}, // nothing to read
			reason: "it reads another process's memory",
		},
		{
			name:   "process_vm_writev",
			number: unix.SYS_PROCESS_VM_WRITEV,
			answer: eperm,
			try:    [2]uintptr{0, 0}, // nothing to write
			reason: "it changes another process's memory, and so what that process does",
		},
		{
			name:   "pidfd_getfd",
			number: unix.SYS_PIDFD_GETFD,
			answer: eperm,
			try:    [2]uintptr{noDescriptor, noDescriptor}, // EBADF
			reason: "it takes over a socket that another process has open",
		},
		{
			name:   "prctl PR_SET_DUMPABLE",
			number: unix.SYS_PRCTL,
			answer: eperm,
			when: []condition{
				{argument: 0, equal: true, value: unix.PR_SET_DUMPABLE},
				{argument: 1, equal: false, value: 0},
			},
			try:    [2]uintptr{unix.PR_SET_DUMPABLE, 2}, // a value for administrators alone: EINVAL
			reason: "it opens this process's memory to others of the same user, and to core dumps",
		},
	}
}

// helperRules are about what the kernel, or a program of its choice, would do
// outside the filter for a process inside.
func helperRules() []rule {
	return []rule{
		{
			name:   "io_uring",
			number: unix.SYS_IO_URING_SETUP,
			answer: eperm,
			try:    [2]uintptr{1, 0}, // without parameters: EFAULT
			reason: "its operations make and use sockets without the calls that a filter sees",
		},
		{
			name:   "ioctl TIOCSTI",
			number: unix.SYS_IOCTL,
			answer: eperm,
			when:   []condition{{argument: 1, equal: true, value: unix.TIOCSTI}},
			try:    [2]uintptr{noDescriptor, unix.TIOCSTI}, // EBADF
			reason: "it types a command for the shell that runs when this program has ended",
		},
		{
			name:   "ioctl TIOCLINUX",
			number: unix.SYS_IOCTL,
			answer: eperm,
			when:   []condition{{argument: 1, equal: true, value: unix.TIOCLINUX}},
			try:    [2]uintptr{noDescriptor, unix.TIOCLINUX}, // EBADF
			reason: "it pastes a command on a console of the kernel's",
		},
		{
			name:   "request_key",
			number: unix.SYS_REQUEST_KEY,
			answer: eperm,
			try:    [2]uintptr{0, 0}, // no type: EFAULT
			reason: "it has the kernel start a program that looks up a name in a network",
		},
	}
}

// noDescriptor is -1 in the place of a file descriptor.
const noDescriptor = ^uintptr(0)
