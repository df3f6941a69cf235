package machinecode

import (
	"maps"
	"slices"
)

// value is what is known of a register or of a place on the stack.
type value struct {
	kind   kind
	number int64 // of a constant
}

type kind uint8

const (
	unknown kind = iota
	known
	inRegister // the function's first parameter, where it comes in a register
	onStack    // the same of a function whose parameters are on the stack
)

// state is what is known at an instruction. Places on the stack are counted from
// where the stack pointer was when the function was called.
type state struct {
	registers [32]value
	places    map[int64]value
	pointer   int64
}

func (a architecture) entry() state {
	s := state{places: map[int64]value{a.returnSlot + a.firstSlot: {kind: onStack}}}
	s.registers[a.parameter] = value{kind: inRegister}
	return s
}

func (s state) clone() state {
	s.places = maps.Clone(s.places)
	return s
}

// meet keeps of s what is also in o: two ways lead to the same instruction.
func (s *state) meet(o state) {
	for i, v := range o.registers {
		if s.registers[i] != v {
			s.registers[i] = value{}
		}
	}
	if s.pointer != o.pointer {
		s.places = map[int64]value{}
	}
	maps.DeleteFunc(s.places, func(place int64, v value) bool { return o.places[place] != v })
}

// keep notes what lies at a place, instead of what it overlaps.
func (s *state) keep(place int64, v value) {
	s.blur(place, 8)
	s.places[place] = v
}

// blur forgets what so many bytes from a place on have to do with.
func (s *state) blur(place, length int64) {
	maps.DeleteFunc(s.places, func(p int64, _ value) bool { return p > place-8 && p < place+length })
}

// move moves the stack pointer. What lies below it does not last.
func (s *state) move(by int64) {
	if by < 0 {
		maps.DeleteFunc(s.places, func(p int64, _ value) bool { return p < s.pointer })
	}
	s.pointer += by
}

// call forgets what the called function can change: registers, and constants in
// memory. A parameter that was put aside is kept, since compilers do so.
func (s *state) call() {
	s.registers = [32]value{}
	maps.DeleteFunc(s.places, func(p int64, v value) bool { return p < s.pointer || v.kind == known })
}

// apply does what an instruction does.
func (a architecture) apply(s *state, in instruction) {
	a.forget(s, in)
	switch in.operation {
	case constant:
		s.registers[in.to] = value{known, in.number}
	case copying:
		s.registers[in.to] = s.registers[in.from]
	case loading:
		s.registers[in.to] = s.places[s.pointer+in.number]
		if in.pair {
			s.registers[in.second] = s.places[s.pointer+in.number+8]
		}
	case storing:
		s.keep(s.pointer+in.number, s.registers[in.from])
		if in.pair {
			s.keep(s.pointer+in.number+8, s.registers[in.second])
		}
	case keeping:
		s.keep(s.pointer+in.number, value{known, int64(in.target)})
	case blurring:
		s.blur(s.pointer+in.number, int64(in.target))
	case moving:
		s.move(in.number)
	case address, adding:
		s.registers[in.to] = value{}
	case calling, kernel, foreign:
		s.call()
	}
}

// forget drops what an instruction changes to what is not followed.
func (a architecture) forget(s *state, in instruction) {
	for r := range s.registers {
		if in.writes&(1<<r) != 0 {
			s.registers[r] = value{}
		}
	}
	if in.spills || in.writes&(1<<a.stack) != 0 || in.sets() && in.to == a.stack {
		s.places = map[int64]value{}
	}
}

// passage is what reaches a place where the kernel, or another function, is
// called: the number, or what is passed as first parameter, by either way.
type passage struct {
	at              uint64
	target          uint64 // 0: the kernel
	foreign         bool
	register, stack value
}

// unknowns says of each byte of a function whether nothing is known there: where a
// loop comes back, or one comes from elsewhere.
func (s *scanner) unknowns(f *function) []bool {
	list := make([]bool, len(f.code))
	copy(list, f.entries)
	s.walk(f, func(at uint64, in instruction) {
		if in.branches() && in.target > f.start && in.target <= at {
			list[in.target-f.start] = true
		}
	})
	return list
}

// passages follows a function's values to its calls. Of two ways to one
// instruction, what both agree on is kept.
func (s *scanner) passages(f *function) (found []passage) {
	unknowns := s.unknowns(f)
	now, reached, waiting := s.arch.entry(), true, map[uint64]state{}
	s.walk(f, func(at uint64, in instruction) {
		if from, ok := waiting[at]; ok && reached {
			now.meet(from)
		} else if ok {
			now = from
		}
		delete(waiting, at)
		if unknowns[at-f.start] {
			now.registers, now.places = [32]value{}, map[int64]value{}
		}
		reached = true // if by nothing that is known, then by something else
		found = s.passage(found, f, now, at, in)
		s.arch.apply(&now, in)
		if in.branches() && in.target > at && in.target < f.end {
			s.join(waiting, in.target, now)
		}
		if in.operation == jumping || in.operation == ending {
			now, reached = state{places: map[int64]value{}}, false
		}
	})
	return append(found, f.detours...)
}

func (s *scanner) join(waiting map[uint64]state, target uint64, now state) {
	if s.step() {
		return
	}
	was, ok := waiting[target]
	if !ok {
		waiting[target] = now.clone()
		return
	}
	was.meet(now)
	waiting[target] = was
}

// passage adds an instruction that leaves the function to a list.
func (s *scanner) passage(list []passage, f *function, now state, at uint64, in instruction) []passage {
	p := passage{at: at, target: in.target}
	switch in.operation {
	case kernel, foreign:
		p.foreign = in.operation == foreign
		p.register = now.registers[s.arch.kernel]
	case calling:
		p.register, p.stack = now.registers[s.arch.parameter], now.places[now.pointer+s.arch.firstSlot]
	case jumping, branching: // its caller's parameters are passed on
		p.register = now.registers[s.arch.parameter]
		p.stack = now.places[now.pointer+s.arch.returnSlot+s.arch.firstSlot]
	default:
		return list
	}
	inside := in.target > f.start && in.target < f.end
	switch leaves := p.target == 0 && in.operation >= kernel || p.target != 0 && !inside; {
	case !leaves:
		return list
	case len(list) >= mostCalls:
		s.code.Excess = true
		return list
	}
	return append(list, p)
}

// gate is a function that calls the kernel with a number that it is given.
type gate struct{ register, stack bool }

// follow finds the system calls. A function that gives the kernel its own first
// parameter is a gate, and so is one that passes it to a gate; those that call a
// gate are looked at until no new one is found.
func (s *scanner) follow() {
	gates := map[uint64]gate{}
	read := make([][]passage, len(s.functions))
	again := true
	for turns := 0; again && turns < mostTurns; turns++ {
		again = false
		for i := range s.functions {
			f := &s.functions[i]
			if !f.traps && !f.callsOneOf(gates) {
				continue
			}
			if read[i] == nil {
				read[i] = s.passages(f)
			}
			g := passedOn(read[i], gates)
			if g != gates[f.start] && f.name != NoName {
				gates[f.start], again = g, true
			}
		}
	}
	s.code.Excess = s.code.Excess || again
	for start := range gates {
		s.code.Gates = append(s.code.Gates, s.named(start))
	}
	slices.Sort(s.code.Gates)
	s.code.Gates = slices.Compact(s.code.Gates)
	for i, list := range read {
		for _, p := range list {
			s.report(s.functions[i].name, p, gates)
		}
	}
}

func (f *function) callsOneOf(gates map[uint64]gate) bool {
	for _, target := range f.targets {
		if gates[target] != (gate{}) {
			return true
		}
	}
	return false
}

// number returns what a gate is given, or the kernel.
func (p passage) number(gates map[uint64]gate) (v value, calls bool) {
	g := gates[p.target]
	switch {
	case p.target == 0, g.register:
		return p.register, true
	case g.stack:
		return p.stack, true
	}
	return value{}, false
}

// passedOn says which of a function's parameters become a number.
func passedOn(list []passage, gates map[uint64]gate) (g gate) {
	for _, p := range list {
		switch v, calls := p.number(gates); {
		case calls && v.kind == inRegister:
			g.register = true
		case calls && v.kind == onStack:
			g.stack = true
		}
	}
	return g
}

// report notes a system call, unless the number is the function's parameter: its
// callers have it. What has no name has no known callers.
func (s *scanner) report(by string, p passage, gates map[uint64]gate) {
	v, calls := p.number(gates)
	passed := v.kind == inRegister || v.kind == onStack
	if !calls || passed && by != NoName {
		return
	}
	if len(s.code.Kernel) >= mostCalls {
		s.code.Excess = true
		return
	}
	call := Call{By: by, Address: p.at, Number: Unknown, Foreign: p.foreign}
	if v.kind == known {
		call.Number = int64(uint32(v.number)) // the kernel takes 32 bits of it
	}
	s.code.Kernel = append(s.code.Kernel, call)
}
