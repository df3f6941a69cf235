package machinecode

import (
	"encoding/binary"
	mathbits "math/bits"
)

// decodeARM64 reads one instruction of four bytes. The encodings are those of
// the Arm Architecture Reference Manual, C4.1.
func decodeARM64(code []byte, at uint64) instruction {
	if odd := at & 3; odd != 0 || len(code) < 4 {
		return instruction{length: min(4-odd, uint64(len(code)))}
	}
	w := binary.LittleEndian.Uint32(code)
	in := flow(w, at)
	if in.operation == other {
		in = data(w, at)
	}
	in.length = 4
	return in
}

// flow reads branches and system calls.
func flow(w uint32, at uint64) instruction {
	switch {
	case w&0xffe0001f == 0xd4000001: // SVC; Linux does not look at its constant
		return instruction{operation: kernel}
	case w>>26 == 0b100101: // BL
		return instruction{operation: calling, target: at + distance(w, 0, 26)}
	case w>>26 == 0b000101: // B
		return instruction{operation: jumping, target: at + distance(w, 0, 26)}
	case w&0xfefff000 == 0xd63f0000: // BLR, with or without authentication
		return instruction{operation: calling}
	case w&0xfefff000 == 0xd61f0000: // BR
		return instruction{operation: jumping}
	case w&0xfffff000 == 0xd65f0000, w&0xffe0001f == 0xd4200000: // RET, BRK
		return instruction{operation: ending}
	case w>>24 == 0x54, w>>24&0x7e == 0x34: // B.cond, CBZ, CBNZ
		return instruction{operation: branching, target: at + distance(w, 5, 19)}
	case w>>24&0x7e == 0x36: // TBZ, TBNZ
		return instruction{operation: branching, target: at + distance(w, 5, 14)}
	}
	return instruction{}
}

// distance returns a signed field of a number of instructions, in bytes.
func distance(w uint32, from, bits int) uint64 { return uint64(signed(w, from, bits) * 4) }

func signed(w uint32, from, bits int) int64 { return int64(int32(w<<(32-from-bits)) >> (32 - bits)) }

// bits returns an unsigned field.
func bits(w uint32, from, n int) uint32 { return w >> from & (1<<n - 1) }

// data reads what moves data.
func data(w uint32, at uint64) instruction {
	to, from := uint8(bits(w, 0, 5)), uint8(bits(w, 5, 5))
	switch {
	case w>>23&0xff == 0b10100101: // MOVZ
		return instruction{operation: constant, to: to, number: int64(bits(w, 5, 16)) << (16 * bits(w, 21, 2))}
	case w>>22 == 0b1111001011: // MOVK into the upper half, which the kernel does not take
		return instruction{}
	case w&0x7f8003e0 == 0x320003e0: // MOV of a pattern of bits, which is ORR with the zero register
		return instruction{operation: constant, to: to, number: pattern(w)}
	case w&0x7fe0ffe0 == 0x2a0003e0: // MOV, which is ORR with the zero register
		return copied(to, uint8(bits(w, 16, 5)))
	case w>>24&0x9f == 0x90: // ADRP
		page := signed(w, 5, 19)<<2 | int64(bits(w, 29, 2))
		return instruction{operation: address, to: to, target: at&^0xfff + uint64(page<<12)}
	case w>>23 == 0b100100010 || w>>23 == 0b110100010: // ADD, SUB with a constant
		return added(w, to, from)
	case w>>25&0b101 == 0b100: // loads and stores
		return memory(w, to, from)
	}
	return instruction{writes: 1 << to &^ (1 << zero)}
}

// pattern returns the constant of a logical instruction: a run of ones, rotated,
// and repeated over the register (DecodeBitMasks in the manual).
func pattern(w uint32) int64 {
	ones, rotation := bits(w, 10, 6), bits(w, 16, 6)
	width := uint32(1) << (mathbits.Len32(bits(w, 22, 1)<<6|^ones&0x3f) - 1)
	ones, rotation = ones&(width-1)+1, rotation&(width-1)
	element := uint64(1)<<ones - 1
	var n uint64
	for at := uint32(0); at < 64; at += width {
		for bit := range width {
			n |= element >> ((bit + rotation) % width) & 1 << (at + bit)
		}
	}
	if w>>31 == 0 {
		n = uint64(uint32(n))
	}
	return int64(n)
}

func copied(to, from uint8) instruction {
	if from == zero {
		return instruction{operation: constant, to: to}
	}
	return instruction{operation: copying, to: to, from: from}
}

// One number stands for the stack pointer or for the register that is always
// zero, whichever the instruction can mean.
const (
	sp   = 31
	zero = 31
)

// added reads ADD and SUB of a constant: of the stack pointer, or to an address
// whose page was loaded before.
func added(w uint32, to, from uint8) instruction {
	n := int64(bits(w, 10, 12)) << (12 * bits(w, 22, 1))
	subtracts := bits(w, 30, 1) == 1
	switch {
	case to == sp && from == sp && subtracts:
		return instruction{operation: moving, number: -n}
	case to == sp && from == sp:
		return instruction{operation: moving, number: n}
	case subtracts || to == sp || from == sp: // the stack pointer from elsewhere, among others
		return instruction{writes: 1 << to}
	}
	return instruction{operation: adding, to: to, from: from, number: n}
}

// memory reads loads and stores. Only those beside the stack pointer are followed.
func memory(w uint32, to, base uint8) instruction {
	second := uint8(bits(w, 10, 5))
	switch {
	case base != sp: // followed by no pointer
	case w&0xffc00000 == 0xf9400000: // LDR, unsigned offset
		return instruction{operation: loading, to: to, number: int64(bits(w, 10, 12)) * 8}
	case w&0xffc00000 == 0xf9000000: // STR
		return instruction{operation: storing, from: to, number: int64(bits(w, 10, 12)) * 8}
	case w&0xffe00c00 == 0xf8400000: // LDUR
		return instruction{operation: loading, to: to, number: signed(w, 12, 9)}
	case w&0xffe00c00 == 0xf8000000: // STUR
		return instruction{operation: storing, from: to, number: signed(w, 12, 9)}
	case w&0xffc00000 == 0xa9400000: // LDP
		return instruction{operation: loading, to: to, second: second, pair: true, number: signed(w, 15, 7) * 8}
	case w&0xffc00000 == 0xa9000000: // STP
		return instruction{operation: storing, from: to, second: second, pair: true, number: signed(w, 15, 7) * 8}
	case w&0xffa00400 == 0xf8000400: // STR and LDR, the pointer moves
		return pushed(w, signed(w, 12, 9), bits(w, 11, 1) == 1)
	case w&0x7e800000 == 0x28800000: // STP and LDP, the pointer moves
		return pushed(w, signed(w, 15, 7)*8, bits(w, 24, 1) == 1)
	}
	return instruction{writes: loaded(w) | moved(w), spills: stores(w)}
}

// pushed moves the stack pointer by n, before or after it is used. What is stored
// below where it was lies over nothing that is followed.
func pushed(w uint32, n int64, before bool) instruction {
	return instruction{operation: moving, number: n, writes: loaded(w), spills: stores(w) && !(n < 0 && before)}
}

// stores reports whether a load or store may write to memory.
func stores(w uint32) bool {
	switch bits(w, 27, 3) {
	case 0b011: // literals, and copies of memory
		return bits(w, 24, 1) == 1
	case 0b101: // pairs
		return bits(w, 22, 1) == 0
	case 0b111: // single ones
		return bits(w, 22, 2) == 0 || bits(w, 26, 1) == 1 && bits(w, 22, 1) == 0 || atomic(w)
	}
	return true
}

// atomic knows what reads and writes memory at once.
func atomic(w uint32) bool {
	return bits(w, 24, 1) == 0 && bits(w, 21, 1) == 1 && bits(w, 10, 2) == 0
}

// moved returns the base register of a load or store, where it is written back.
func moved(w uint32) uint32 {
	pair := bits(w, 27, 3) == 0b101 && bits(w, 23, 1) == 1
	single := bits(w, 27, 3) == 0b111 && bits(w, 24, 1) == 0 && (bits(w, 21, 1) == 0 || !atomic(w)) && bits(w, 10, 1) == 1
	vectors := bits(w, 26, 4) == 0b0011 && bits(w, 23, 1) == 1
	copies := bits(w, 27, 3) == 0b011 && bits(w, 24, 1) == 1
	if pair || single || vectors || copies {
		return 1 << bits(w, 5, 5) &^ (1 << zero)
	}
	return 0
}

// loaded returns the registers that a load or store writes, besides its base.
func loaded(w uint32) uint32 {
	const pair, single = 0b101, 0b111
	first, second, status := uint32(1)<<bits(w, 0, 5), uint32(1)<<bits(w, 10, 5), uint32(1)<<bits(w, 16, 5)
	var written uint32
	switch class := bits(w, 27, 3); {
	case bits(w, 26, 1) == 1: // of vector registers
	case class == pair && bits(w, 22, 1) == 0: // STP
	case class == single && bits(w, 22, 2) == 0 && !atomic(w): // STR
	case class == pair:
		written = first | second
	case class == single:
		written = first
	default: // the exclusive ones, and literals
		written = first | first<<1 | second | status | status<<1 // CASP's are pairs
	}
	return written &^ (1 << zero)
}
