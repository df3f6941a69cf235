//go:build amd64 || arm64

package confine

import "golang.org/x/sys/unix"

// Offsets in struct seccomp_data (linux/seccomp.h). Both architectures are
// little-endian: the low half of each argument, which has eight bytes, comes
// first.
const (
	offsetNumber    = 0
	offsetArch      = 4
	offsetArguments = 16
)

// numbersX32 is where amd64's second set of system call numbers begins (x32,
// __X32_SYSCALL_BIT). arm64 has no numbers that high.
const numbersX32 = 0x40000000

// filterOf is the program that the kernel runs before every system call.
func filterOf(table []rule) []unix.SockFilter {
	program := []unix.SockFilter{
		load(offsetArch),
		skip(unix.BPF_JEQ, auditArch, 1, 0),
		answer(killProcess),

		load(offsetNumber),
		skip(unix.BPF_JGE, numbersX32, 0, 1),
		answer(enosys),
	}
	for _, r := range table {
		program = append(program, r.compile()...)
	}
	return append(program, answer(allow))
}

// compile turns a rule into instructions that end with its answer, or, where
// the rule does not apply, behind it.
func (r rule) compile() []unix.SockFilter {
	rest := []unix.SockFilter{answer(r.answer)}
	for i := len(r.when) - 1; i >= 0; i-- {
		rest = append(r.when[i].compile(uint8(len(rest))), rest...)
	}
	return append([]unix.SockFilter{load(offsetNumber), skip(unix.BPF_JEQ, r.number, 0, uint8(len(rest)))}, rest...)
}

// compile skips that many instructions unless the condition holds.
func (c condition) compile(unless uint8) []unix.SockFilter {
	compare := skip(unix.BPF_JEQ, c.value, unless, 0)
	if c.equal {
		compare = skip(unix.BPF_JEQ, c.value, 0, unless)
	}
	return []unix.SockFilter{load(offsetArguments + 8*c.argument), compare}
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
