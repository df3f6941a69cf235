// Package machinecode reads the code of a program for what it calls: its own
// functions, and the kernel.
//
// Use Scan on an image. All executable bytes are read, not only what the
// program's tables say is a function. A system call's number is followed from
// where it is written, through the functions that pass it on, to the
// instruction that calls the kernel, so it does not matter what those functions
// are called.
//
// It reads code, it does not run it: a number that is computed or read from a
// table is reported as unknown. Code that is made at run time is not seen, nor
// what is done at an address that is computed.
package machinecode

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"byok/internal/executable"
	"byok/internal/ordered"
)

// Code is what was read.
type Code struct {
	Uses   []Use
	Kernel []Call
	Gates  []string // functions that call the kernel with a number that they are given
	Size   int      // of what was read, in bytes
	Excess bool     // there is more of it than in any program, and it was not read to the end
}

// How much is kept of a program, and followed. A large program has a hundredth of
// it, and a file can be made to have much more.
const (
	mostUses  = 4 << 20
	mostCalls = 64 << 10
	mostCode  = 24 << 20 // bytes
	mostSteps = 1 << 20  // branches, in functions that have a system call, and entries other than a function's beginning
	mostTurns = 64       // from a function that passes a number on to the one that calls it
)

// Use is a function that calls another, jumps to it or takes its address; or that
// takes the address of a datum that was asked for.
type Use struct {
	By      string // "" where it is data that holds the address
	Target  uint64 // what is used, or the datum
	Name    string // of the function that is used, "" of a datum
	Address bool   // it is not called there: what is done with its address is not known
}

// Call is a system call.
type Call struct {
	By      string // function with the number in it
	Address uint64
	Number  int64 // or Unknown
	Foreign bool  // through another architecture's table, where numbers mean other calls
}

// Unknown is the number of a call that does not stand in the code beside it.
const Unknown int64 = -1

// NoName is what a function is called that the program has no name for: C code,
// most of it.
const NoName = "code without a name"

// function is a function, or a gap between functions.
type function struct {
	name       string
	start, end uint64
	code       []byte
	targets    []uint64 // outside, of calls and jumps
	traps      bool     // it has an instruction that calls the kernel
	entries    []bool   // of its bytes, where it is entered from elsewhere; nil is nowhere but at its beginning
	detours    []passage
}

// scanner is what Scan works on.
type scanner struct {
	image     *executable.Image
	arch      architecture
	functions []function
	asked     map[uint64]bool   // data
	values    map[uint64]uint64 // where a function's address is in data: Go's function values
	steps     int
	code      Code
}

// Scan reads an image's code. Of data it reports who uses those at the given
// addresses.
func Scan(image *executable.Image, data []uint64) Code {
	s := scanner{
		image: image, arch: architectures()[image.Arch],
		asked: map[uint64]bool{}, values: map[uint64]uint64{},
	}
	for _, address := range data {
		s.asked[address] = true
	}
	s.divide()
	s.code.Excess = s.code.Size > mostCode
	s.words(func(at, word uint64) {
		if s.named(word) != "" {
			s.values[at] = word
		}
	})
	for i := range s.functions {
		s.skim(&s.functions[i])
	}
	s.words(func(_, word uint64) {
		s.use("", word, true)
		s.enterAt(word)
	})
	s.entered()
	s.follow()
	return s.code
}

// divide lists the functions and the gaps between them.
func (s *scanner) divide() {
	var known []executable.Function
	for _, t := range s.image.Tables {
		known = append(known, t.Functions...)
	}
	ordered.Sort(known, func(a, b executable.Function) int {
		return int(min(max(int64(a.Start-b.Start), -1), 1))
	})
	for _, segment := range s.image.Segments {
		if !segment.Executable {
			continue
		}
		at := segment.Address
		for _, f := range known {
			if f.Start < at || f.End > segment.End() || f.Start == f.End {
				continue
			}
			s.add(NoName, segment, at, f.Start)
			s.add(f.Name, segment, f.Start, f.End)
			at = f.End
		}
		s.add(NoName, segment, at, segment.End())
	}
}

func (s *scanner) add(name string, segment executable.Segment, start, end uint64) {
	if start < end {
		code := segment.Data[start-segment.Address : end-segment.Address]
		s.code.Size += len(code)
		s.functions = append(s.functions, function{name: name, start: start, end: end, code: code})
	}
}

// at returns the index of the function that an address is in, or -1.
func (s *scanner) at(address uint64) int {
	i, exact := slices.BinarySearchFunc(s.functions, address, func(f function, a uint64) int {
		return int(min(max(int64(f.start-a), -1), 1))
	})
	if !exact {
		i--
	}
	if i < 0 || address >= s.functions[i].end {
		return -1
	}
	return i
}

// walk has each instruction of a function looked at.
func (s *scanner) walk(f *function, look func(at uint64, in instruction)) {
	for offset := uint64(0); offset < uint64(len(f.code)) && !s.code.Excess; {
		in := s.arch.decode(f.code[offset:], f.start+offset)
		look(f.start+offset, in)
		offset += in.length
	}
}

// skim finds whom a function calls and what it takes the address of.
func (s *scanner) skim(f *function) {
	begins, inside := make([]bool, len(f.code)), make([]bool, len(f.code))
	pages := pages{map[uint8]uint64{}, map[uint8]bool{}}
	s.walk(f, func(at uint64, in instruction) {
		begins[at-f.start] = true
		switch in.operation {
		case calling, jumping, branching:
			s.leads(f, in, inside)
		case address, adding:
			s.address(f, in, pages)
		case kernel, foreign:
			f.traps = true
		}
		pages.after(in)
	})
	for offset, target := range inside {
		if target && !begins[offset] {
			s.enter(f, f.start+uint64(offset))
		}
	}
}

// leads notes where a call or a jump leads: to another function, or inside.
func (s *scanner) leads(f *function, in instruction, inside []bool) {
	switch {
	case in.target == 0:
	case in.target < f.start || in.target >= f.end:
		f.targets = append(f.targets, in.target)
		s.use(f.name, in.target, false)
		s.enterAt(in.target)
	case in.operation == calling:
		s.enter(f, in.target)
	default:
		inside[in.target-f.start] = true
	}
}

// pages are addresses in registers of arm64, where an address takes two
// instructions: all that there were, and those that surely are there still.
type pages struct {
	addresses map[uint8]uint64
	fresh     map[uint8]bool
}

func (p pages) after(in instruction) {
	maps.DeleteFunc(p.fresh, func(r uint8, _ bool) bool { return in.changes(r) })
	if in.operation == address {
		p.addresses[in.to], p.fresh[in.to] = in.target, true
	}
}

// address notes what an instruction takes the address of. That something is used
// is noted in doubt too.
func (s *scanner) address(f *function, in instruction, p pages) {
	target, fresh := in.target, true
	if in.operation == adding {
		page, ok := p.addresses[in.from]
		if !ok {
			return
		}
		target, fresh = page+uint64(in.number), p.fresh[in.from]
	}
	s.use(f.name, target, true)
	if fresh {
		s.enterAt(target)
	}
}

// use notes that a function uses what is at an address: a datum that was asked
// for, or a function, also by way of a function value.
func (s *scanner) use(by string, target uint64, taken bool) {
	if len(s.code.Uses) >= mostUses {
		s.code.Excess = true
		return
	}
	if s.asked[target] {
		s.code.Uses = append(s.code.Uses, Use{By: by, Target: target, Address: true})
		return
	}
	if entry, ok := s.values[target]; ok {
		target = entry
	}
	if name := s.named(target); name != "" {
		s.code.Uses = append(s.code.Uses, Use{By: by, Target: target, Name: name, Address: taken})
	}
}

// named returns the name of the function that begins at an address, or "".
func (s *scanner) named(address uint64) string {
	if i := s.at(address); i >= 0 && s.functions[i].start == address && s.functions[i].name != NoName {
		return s.functions[i].name
	}
	return ""
}

// words has each aligned word of the data looked at.
func (s *scanner) words(look func(at, word uint64)) {
	for _, segment := range s.image.Segments {
		for offset := int(-segment.Address & 7); offset+8 <= len(segment.Data); offset += 8 {
			look(segment.Address+uint64(offset), binary.LittleEndian.Uint64(segment.Data[offset:]))
		}
	}
}

// Package returns the package of a function of Go by its symbol's name, such as
// "net" of "net.(*Dialer).Dial", "golang.org/x/sys/unix" of
// "golang.org/x/sys/unix.Socket"; of what has none, all of it.
func Package(function string) string {
	name, _, _ := strings.Cut(function, "[") // type parameters have paths in them
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return function
	}
	return name[:slash+dot]
}
