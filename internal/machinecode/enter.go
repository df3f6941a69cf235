package machinecode

// begins says of each byte of a function whether an instruction begins there,
// read from the first on.
func (f *function) begins(a architecture) []bool {
	list := make([]bool, len(f.code))
	for offset := uint64(0); offset < uint64(len(f.code)); {
		list[offset] = true
		offset += a.decode(f.code[offset:], f.start+offset).length
	}
	return list
}

// enter reads the code where it is entered in the middle of an instruction: the
// same bytes are then other instructions.
func (s *scanner) enter() {
	within := map[int][]uint64{}
	for address := range s.entries {
		i := s.at(address)
		within[i] = append(within[i], address)
	}
	for i, list := range within {
		f := &s.functions[i]
		begins := f.begins(s.arch)
		for len(list) > 0 {
			address := list[0]
			list = append(list[1:], s.detour(f, address, begins)...)
		}
	}
}

// detour reads from an address on, up to where an instruction begins that was
// read already, and returns where it jumps to in this function. What is in a
// register is not known there, and neither is it where the ways meet again.
func (s *scanner) detour(f *function, at uint64, begins []bool) (jumps []uint64) {
	for at < f.end && !begins[at-f.start] {
		begins[at-f.start] = true
		in := s.arch.decode(f.code[at-f.start:], at)
		if p, ok := s.passage(f, state{}, at, in); ok {
			f.detours = append(f.detours, p)
			f.targets = append(f.targets, p.target)
			f.traps = f.traps || p.target == 0
		} else if in.target > f.start && in.target < f.end {
			jumps = append(jumps, in.target)
		}
		at += in.length
	}
	s.entries[at] = true
	return jumps
}
