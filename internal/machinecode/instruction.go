package machinecode

// operation is what is kept of an instruction: enough to follow a number to a
// system call.
type operation uint8

const (
	other    operation = iota // only writes registers
	constant                  // to = number
	copying                   // to = from
	loading                   // to = what lies number bytes from the stack pointer
	storing                   // from goes there
	keeping                   // a constant goes there: target
	blurring                  // so many bytes there change: target
	moving                    // the stack pointer moves by number
	address                   // to = target, an address in the program
	adding                    // to = from + number
	calling
	jumping
	branching // jumping, or not
	kernel    // a system call
	foreign   // a system call by another table (int 0x80, or int 0x2e of Windows)
	ending    // return, or a trap
)

// instruction is one of any architecture. Registers are numbered as it encodes
// them, up to 31.
type instruction struct {
	operation operation
	length    uint64
	to, from  uint8
	second    uint8 // of a pair, 8 bytes on
	pair      bool
	number    int64
	target    uint64
	writes    uint32 // registers that it changes otherwise, a bit each
	spills    bool   // it writes to memory where that is not followed, such as by a pointer
}

// sets reports whether an instruction sets the register to.
func (in instruction) sets() bool {
	switch in.operation {
	case constant, copying, loading, address, adding:
		return true
	}
	return false
}

// changes reports whether an instruction changes a register, or leads to who may.
func (in instruction) changes(register uint8) bool {
	return in.writes&(1<<register) != 0 || in.sets() && in.to == register || in.pair && in.second == register ||
		in.operation == calling || in.operation == kernel
}

// branches reports whether an instruction may go on elsewhere, and not come back.
func (in instruction) branches() bool { return in.operation == branching || in.operation == jumping }

// architecture is how code is read and how functions pass their parameters.
type architecture struct {
	decode     func(code []byte, at uint64) instruction // length is never 0
	parameter  uint8                                    // register of a function's first
	kernel     uint8                                    // register of a system call's number
	stack      uint8                                    // number of the stack pointer
	returnSlot int64                                    // bytes that a call itself pushes
	firstSlot  int64                                    // where the first parameter on the stack lies, from there
}

// architectures are known by Go's names. A function in Go has its parameters in
// registers (cmd/compile/abi-internal.md), one in assembly on the stack (ABI0).
func architectures() map[string]architecture {
	return map[string]architecture{
		"amd64": {decode: decodeAMD64, parameter: 0, kernel: 0, stack: stackPointer, returnSlot: 8},
		"arm64": {decode: decodeARM64, parameter: 0, kernel: 8, stack: sp, firstSlot: 8},
	}
}
