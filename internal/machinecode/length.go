package machinecode

// unknownLength returns the length of an instruction of amd64 that x86asm does
// not know: one with a VEX or EVEX prefix, or with an opcode of two or three
// bytes (Intel's manual, volume 2, 2.1, 2.3 and 2.7). It is 1 of what is none.
// Without it, what follows would be read from the middle of an instruction.
func unknownLength(code []byte) uint64 {
	at := 0
	for at < len(code)-1 && prefix(code[at]) {
		at++
	}
	opcodes, at := opcodeMap(code, at)
	if opcodes == 0 || at >= len(code)-1 {
		return 1
	}
	opcode := code[at]
	length := at + 1
	if opcodes != 1 || opcode != 0x77 { // EMMS, VZEROUPPER
		length += operandLength(code[length:])
	}
	if immediate(opcodes, opcode) {
		length++
	}
	if length > len(code) {
		return 1
	}
	return uint64(length)
}

// prefix reports whether a byte changes the instruction after it.
func prefix(b byte) bool {
	switch b {
	case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3:
		return true
	}
	return b&0xf0 == 0x40 // REX
}

// opcodeMap returns the number of the table that the opcode is from, as VEX
// counts them, and where the opcode is; 0 for the table of one byte.
func opcodeMap(code []byte, at int) (opcodes byte, opcode int) {
	if at+2 >= len(code) {
		return 0, at
	}
	switch next := code[at+1]; {
	case code[at] == 0xc5:
		return 1, at + 2
	case code[at] == 0xc4:
		return next & 31, at + 3
	case code[at] == 0x62:
		return next & 7, at + 4
	case code[at] == 0x0f && next == 0x38:
		return 2, at + 2
	case code[at] == 0x0f && next == 0x3a:
		return 3, at + 2
	case code[at] == 0x0f:
		return 1, at + 1
	}
	return 0, at
}

// immediate reports whether a byte follows the operands.
func immediate(opcodes, opcode byte) bool {
	switch {
	case opcodes == 3:
		return true
	case opcodes != 1:
		return false
	}
	switch opcode {
	case 0x0f, 0x70, 0x71, 0x72, 0x73, 0xa4, 0xac, 0xba, 0xc2, 0xc4, 0xc5, 0xc6:
		return true
	}
	return false
}

// operandLength returns the length of ModRM, SIB and displacement.
func operandLength(code []byte) int {
	mode, register := code[0]>>6, code[0]&7
	length := 1
	if mode != 3 && register == 4 {
		length++
		if len(code) > 1 && mode == 0 && code[1]&7 == 5 {
			return length + 4
		}
	}
	switch {
	case mode == 1:
		return length + 1
	case mode == 2, mode == 0 && register == 5:
		return length + 4
	}
	return length
}
