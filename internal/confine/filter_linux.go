//go:build amd64 || arm64

package confine

import "golang.org/x/sys/unix"

// Offsets in struct seccomp_data (linux/seccomp.h). Both architectures are
// little-endian: the low half of the first argument comes first, and the
// kernel reads no more than that of a socket's address family.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetFamily = 16
)

// numbersX32 is where amd64's second set of system call numbers begins (x32,
// __X32_SYSCALL_BIT). arm64 has no numbers that high.
const numbersX32 = 0x40000000

// What the filter answers.
//
//   - EACCES for a socket is what socket(2) documents for "permission to create
//     a socket of the specified type is denied". EAFNOSUPPORT would send
//     libraries on to the next address family and in the end blame the kernel.
//   - EPERM for io_uring_setup is what a kernel says whose administrator turned
//     io_uring off (kernel.io_uring_disabled); callers fall back.
//   - ENOSYS for x32 is what a kernel without x32 says.
//   - A call through another architecture's table (int 0x80 on amd64) ends the
//     process: its numbers mean other calls, and nothing here makes them.
const (
	allow         = unix.SECCOMP_RET_ALLOW
	refuseSocket  = unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)
	refuseIOUring = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	refuseX32     = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	killProcess   = unix.SECCOMP_RET_KILL_PROCESS
)

// socketFilter is the program the kernel runs before every system call.
func socketFilter() []unix.SockFilter {
	return []unix.SockFilter{
		load(offsetArch),
		skip(unix.BPF_JEQ, auditArch, 1, 0),
		answer(killProcess),

		load(offsetNumber),
		skip(unix.BPF_JGE, numbersX32, 0, 1),
		answer(refuseX32),
		skip(unix.BPF_JEQ, unix.SYS_IO_URING_SETUP, 0, 1),
		answer(refuseIOUring),
		skip(unix.BPF_JEQ, unix.SYS_SOCKET, 2, 0),
		skip(unix.BPF_JEQ, unix.SYS_SOCKETPAIR, 1, 0),
		answer(allow),

		load(offsetFamily),
		skip(unix.BPF_JEQ, unix.AF_UNIX, 0, 1),
		answer(allow),
		answer(refuseSocket),
	}
}

// load reads the 32-bit word at offset.
func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

// skip compares the word with k and skips that many instructions.
func skip(compare uint16, k uint32, ifTrue, ifFalse uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | compare, Jt: ifTrue, Jf: ifFalse, K: k}
}

// answer ends the program.
func answer(k uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k}
}
