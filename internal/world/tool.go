package world

import (
	"byok/internal/bytool"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// trustByTool has the officer trust KM, where the guard has it so.
func (m *module) trustByTool(on *hsm.Session, set kmdata.Set) error {
	if err := m.clear(on, set.Cards.Number); err != nil || m.traits().Trusted != statement.TrustedByTool {
		return err
	}
	t := &bytool.Trusting{
		UI:      m.ui,
		HSM:     m.hsm,
		Token:   m.token,
		Module:  m.id,
		Guard:   m.guard,
		Set:     set,
		Refused: m.refused,
	}
	t.Keep = func() error {
		m.refused = t.Refused
		return m.keep()
	}
	if err := t.Trust(on); err != nil {
		return err
	}
	m.leftOut, m.trusted = on.LeftOut(), statement.TrustByTool
	return nil
}

// clear destroys the trusted keys that a run with another guard has left.
func (m *module) clear(on *hsm.Session, set int) error {
	labels := map[statement.Truster][]string{
		statement.TrustedByTool:   {statement.KWLabel(m.id, set)},
		statement.TrustedByNobody: {statement.KWLabel(m.id, set), statement.KMLabel(m.id, set)},
	}
	for _, label := range labels[m.traits().Trusted] {
		if _, err := on.DestroyLabelled(label); err != nil {
			return err
		}
	}
	return nil
}

// noted has the journal remember m.refused, and takes what it remembers.
func (m *module) noted(refused *bool, save func() error) {
	m.refused = *refused
	m.keep = func() error {
		*refused = m.refused
		return save()
	}
}
