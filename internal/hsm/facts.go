package hsm

// facts are what is found out once a token, since it does not change while the
// library is loaded.
type facts struct {
	known   Form
	keyWrap KeyWrap // 0: not tried yet
}

func (m *Module) tokenFacts(t Token) *facts {
	if m.facts == nil {
		m.facts = map[string]*facts{}
	}
	if m.facts[t.ID()] == nil {
		m.facts[t.ID()] = &facts{}
	}
	return m.facts[t.ID()]
}

func (f *facts) form(find func() Form) Form {
	if f.known == "" {
		f.known = find()
	}
	return f.known
}
