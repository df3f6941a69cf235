package hsm

import "fmt"

// facts are what is found out once a token, since it does not change while the
// library is loaded.
type facts struct {
	known   Form
	keyWrap KeyWrap           // 0: not tried yet
	leftOut map[string][]uint // by the name of what was made last
	listed  map[uint]bool     // mechanisms; nil: not read yet
}

func (m *Module) tokenFacts(t Token) *facts {
	if m.facts[t.ID()] == nil {
		m.facts[t.ID()] = &facts{leftOut: map[string][]uint{}}
	}
	return m.facts[t.ID()]
}

func (f *facts) form(find func() Form) Form {
	if f.known == "" {
		f.known = find()
	}
	return f.known
}

// order puts what worked the last time first.
func (f *facts) order(object string, subsets [][]uint) [][]uint {
	last, ok := f.leftOut[object]
	if !ok {
		return subsets
	}
	return append([][]uint{last}, subsets...)
}

// listed returns the mechanisms that the token lists.
func (m *Module) listed(t Token) (map[uint]bool, error) {
	f := m.tokenFacts(t)
	if f.listed != nil {
		return f.listed, nil
	}
	list, err := m.p.GetMechanismList(t.Slot)
	if err != nil {
		return nil, fail(fmt.Sprintf("C_GetMechanismList of slot %d", t.Slot), err)
	}
	f.listed = map[uint]bool{}
	for _, mechanism := range list {
		f.listed[mechanism.Mechanism] = true
	}
	return f.listed, nil
}
