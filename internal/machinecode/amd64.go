package machinecode

import (
	"slices"

	"golang.org/x/arch/x86/x86asm"
)

// stackPointer is RSP, as it is encoded.
const stackPointer = 4

// decodeAMD64 reads one instruction. Of what x86asm does not know, only the
// length is read.
func decodeAMD64(code []byte, at uint64) instruction {
	inst, err := x86asm.Decode(code, 64)
	if err != nil || inst.Len == 0 {
		return instruction{length: unknownLength(code), writes: ^uint32(0), spills: true}
	}
	in := instruction{length: uint64(inst.Len)}
	next := at + in.length
	if !leaves(&in, inst, next) {
		moves(&in, inst, next)
		spill(&in, inst)
	}
	return in
}

// leaves reads what does not go on to the next instruction, or not at once.
func leaves(in *instruction, inst x86asm.Inst, next uint64) bool {
	in.target = relativeTo(next, inst)
	switch inst.Op {
	case x86asm.SYSCALL:
		in.operation = kernel
	case x86asm.SYSENTER:
		in.operation = foreign
	case x86asm.INT:
		if inst.Args[0] == x86asm.Imm(0x80) || inst.Args[0] == x86asm.Imm(0x2e) {
			in.operation = foreign
		}
	case x86asm.RET, x86asm.LRET, x86asm.UD2, x86asm.HLT:
		in.operation = ending
	case x86asm.CALL, x86asm.LCALL:
		in.operation = calling
	case x86asm.JMP, x86asm.LJMP:
		in.operation = jumping
	default:
		if in.target != 0 { // a condition, or a loop, which counts in RCX
			in.operation, in.writes = branching, 2
		}
	}
	return in.operation != other
}

// moves reads what moves data.
func moves(in *instruction, inst x86asm.Inst, next uint64) {
	switch inst.Op {
	case x86asm.PUSH:
		in.operation, in.number = moving, -8
	case x86asm.POP:
		in.operation, in.number = moving, 8
		in.writes = writes(inst)
	case x86asm.ADD, x86asm.SUB:
		arithmetic(in, inst)
	case x86asm.MOV:
		move(in, inst)
	case x86asm.XOR:
		cleared(in, inst)
	case x86asm.LEA:
		lea(in, inst, next)
	case x86asm.CMP, x86asm.TEST, x86asm.NOP, x86asm.BT:
	default:
		in.writes = writes(inst)
	}
}

// relativeTo returns where a direct call or jump leads, or 0.
func relativeTo(next uint64, inst x86asm.Inst) uint64 {
	if r, ok := inst.Args[0].(x86asm.Rel); ok {
		return next + uint64(int64(r))
	}
	return 0
}

// register returns a general register's number and whether all of it is meant:
// writing 32 bits clears the rest, writing fewer leaves it.
func register(arg x86asm.Arg) (n uint8, whole, ok bool) {
	r, ok := arg.(x86asm.Reg)
	switch {
	case !ok:
		return 0, false, false
	case r >= x86asm.RAX && r <= x86asm.R15:
		return uint8(r - x86asm.RAX), true, true
	case r >= x86asm.EAX && r <= x86asm.R15L:
		return uint8(r - x86asm.EAX), true, true
	case r >= x86asm.AX && r <= x86asm.R15W:
		return uint8(r - x86asm.AX), false, true
	case r >= x86asm.AL && r <= x86asm.R15B:
		return byteRegister(r), false, true
	}
	return 0, false, false
}

// byteRegister counts AH to BH, which lie in RAX to RBX, as these.
func byteRegister(r x86asm.Reg) uint8 {
	switch {
	case r >= x86asm.AH && r <= x86asm.BH:
		return uint8(r - x86asm.AH)
	case r >= x86asm.SPB:
		return uint8(r-x86asm.SPB) + stackPointer
	}
	return uint8(r - x86asm.AL)
}

// slot returns how far from the stack pointer a memory operand is.
func slot(arg x86asm.Arg) (offset int64, ok bool) {
	m, ok := arg.(x86asm.Mem)
	return m.Disp, ok && m.Base == x86asm.RSP && m.Index == 0 && m.Segment == 0
}

// arithmetic follows what moves the stack pointer by a constant.
func arithmetic(in *instruction, inst x86asm.Inst) {
	n, isConstant := inst.Args[1].(x86asm.Imm)
	if inst.Args[0] != x86asm.RSP || !isConstant {
		in.writes = writes(inst)
		return
	}
	in.operation, in.number = moving, int64(n)
	if inst.Op == x86asm.SUB {
		in.number = -in.number
	}
}

func move(in *instruction, inst x86asm.Inst) {
	to, whole, toRegister := register(inst.Args[0])
	from, all, fromRegister := register(inst.Args[1])
	n, isConstant := inst.Args[1].(x86asm.Imm)
	offset, toSlot := slot(inst.Args[0])
	source, fromSlot := slot(inst.Args[1])
	switch {
	case whole && isConstant:
		*in = instruction{operation: constant, length: in.length, to: to, number: clip(int64(n), inst.DataSize)}
	case whole && all && fromRegister:
		*in = instruction{operation: copying, length: in.length, to: to, from: from}
	case whole && fromSlot && inst.MemBytes >= 4:
		*in = instruction{operation: loading, length: in.length, to: to, number: source}
	case toSlot && all && fromRegister:
		*in = instruction{operation: storing, length: in.length, from: from, number: offset}
	case toRegister:
		in.writes = 1 << to
	case toSlot && isConstant:
		kept(in, inst, offset, n)
	}
}

// kept follows a constant to the stack, of as many bits as a number has at least.
func kept(in *instruction, inst x86asm.Inst, offset int64, n x86asm.Imm) {
	if inst.MemBytes >= 4 {
		*in = instruction{operation: keeping, length: in.length, number: offset, target: uint64(n)}
	}
}

// clip returns what writing so many bits leaves in a register of 64.
func clip(n int64, bits int) int64 {
	if bits == 32 {
		return int64(uint32(n))
	}
	return n
}

// cleared knows the usual way to write 0: a register XOR itself.
func cleared(in *instruction, inst x86asm.Inst) {
	to, whole, ok := register(inst.Args[0])
	if ok && whole && inst.Args[0] == inst.Args[1] {
		in.operation, in.to = constant, to
		return
	}
	in.writes = writes(inst)
}

// lea knows addresses that are relative to the code.
func lea(in *instruction, inst x86asm.Inst, next uint64) {
	to, whole, ok := register(inst.Args[0])
	m, isMemory := inst.Args[1].(x86asm.Mem)
	if ok && whole && isMemory && m.Base == x86asm.RIP {
		in.operation, in.to, in.target = address, to, next+uint64(m.Disp)
		return
	}
	in.writes = writes(inst)
}

// implicit are the registers that instructions change without naming them.
func implicit(op x86asm.Op) uint32 {
	const rax, rcx, rdx, rbx, rsi, rdi = 1, 2, 4, 8, 64, 128
	switch op {
	case x86asm.CPUID:
		return rax | rcx | rdx | rbx
	case x86asm.MUL, x86asm.IMUL, x86asm.DIV, x86asm.IDIV, x86asm.RDTSC, x86asm.XGETBV, x86asm.RDTSCP,
		x86asm.CMPXCHG, x86asm.CMPXCHG8B, x86asm.CMPXCHG16B, x86asm.CWD, x86asm.CDQ, x86asm.CQO,
		x86asm.CBW, x86asm.CWDE, x86asm.CDQE, x86asm.IN, x86asm.LAHF, x86asm.XLATB:
		return rax | rdx
	case x86asm.PCMPESTRI, x86asm.PCMPISTRI:
		return rcx
	}
	if slices.Contains(rows, op) { // with a prefix they count in RCX
		return rax | rcx | rsi | rdi
	}
	return 0
}

// rows are the instructions on bytes in a row.
var rows = []x86asm.Op{
	x86asm.LODSB, x86asm.LODSD, x86asm.LODSQ, x86asm.LODSW, x86asm.STOSB, x86asm.STOSD, x86asm.STOSQ, x86asm.STOSW,
	x86asm.MOVSB, x86asm.MOVSD, x86asm.MOVSQ, x86asm.MOVSW, x86asm.SCASB, x86asm.SCASD, x86asm.SCASQ, x86asm.SCASW,
	x86asm.CMPSB, x86asm.CMPSD, x86asm.CMPSQ, x86asm.CMPSW, x86asm.INSB, x86asm.INSD, x86asm.INSW,
	x86asm.OUTSB, x86asm.OUTSD, x86asm.OUTSW,
}

// spill reads what else writes to memory, which an instruction names first.
func spill(in *instruction, inst x86asm.Inst) {
	switch inst.Op {
	case x86asm.CMP, x86asm.TEST, x86asm.BT, x86asm.NOP, x86asm.PUSH:
		return
	case x86asm.MASKMOVDQU, x86asm.MASKMOVQ:
		in.spills = true
	}
	_, toMemory := inst.Args[0].(x86asm.Mem)
	offset, toSlot := slot(inst.Args[0])
	switch {
	case in.operation != other || !toMemory:
	case toSlot && inst.MemBytes > 0:
		in.operation, in.number, in.target = blurring, offset, uint64(inst.MemBytes)
	default:
		in.spills = true
	}
}

// writes returns what an instruction may change: the registers that it names
// first or second, and those that it changes without naming them.
func writes(inst x86asm.Inst) uint32 {
	mask := implicit(inst.Op)
	for i, arg := range inst.Args[:2] {
		if i == 1 && inst.Op != x86asm.XCHG && inst.Op != x86asm.XADD {
			break
		}
		if n, _, ok := register(arg); ok {
			mask |= 1 << n
		}
	}
	return mask
}
