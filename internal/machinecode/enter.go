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

// enter notes that a function is entered at an address, which is in it.
func (s *scanner) enter(f *function, address uint64) {
	if address == f.start || s.step() {
		return
	}
	if f.entries == nil {
		f.entries = make([]bool, len(f.code))
	}
	f.entries[address-f.start] = true
}

// enterAt does so by the address alone.
func (s *scanner) enterAt(address uint64) {
	if i := s.at(address); i >= 0 {
		s.enter(&s.functions[i], address)
	}
}

// step reports whether there have been too many.
func (s *scanner) step() bool {
	s.steps++
	s.code.Excess = s.code.Excess || s.steps > mostSteps
	return s.code.Excess
}

// entered reads the code where it is entered in the middle of an instruction: the
// same bytes are then other instructions.
func (s *scanner) entered() {
	for i := range s.functions {
		f := &s.functions[i]
		if f.entries == nil || s.code.Excess {
			continue
		}
		begins := f.begins(s.arch)
		for offset := range f.entries {
			if f.entries[offset] {
				s.detour(f, f.start+uint64(offset), begins)
			}
		}
	}
}

// detour reads from an address on, up to where an instruction begins that was
// read already, and then from where it jumps to in this function. What is in a
// register is not known there, and neither is it where the ways meet again.
func (s *scanner) detour(f *function, at uint64, begins []bool) {
	for ways := []uint64{at}; len(ways) > 0; {
		at, ways = ways[len(ways)-1], ways[:len(ways)-1]
		for at < f.end && !begins[at-f.start] {
			begins[at-f.start] = true
			in := s.arch.decode(f.code[at-f.start:], at)
			f.detours = s.passage(f.detours, f, state{}, at, in)
			f.traps = f.traps || in.operation == kernel || in.operation == foreign
			switch {
			case in.target > f.start && in.target < f.end:
				ways = append(ways, in.target)
			case in.target != 0:
				f.targets = append(f.targets, in.target)
			}
			at += in.length
		}
		if at < f.end {
			s.enter(f, at)
		}
	}
}
