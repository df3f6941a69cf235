package world

import (
	"byok/internal/bytool"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// trustByTool has the officer trust KM, where the guard has it so.
func (m *module) trustByTool(on *hsm.Session, set kmdata.Set) error {
	if m.guard.Traits().Trusted != statement.TrustedByTool {
		return nil
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

// noted has the journal remember m.refused, and takes what it remembers.
func (m *module) noted(refused *bool, save func() error) {
	m.refused = *refused
	m.keep = func() error {
		*refused = m.refused
		return save()
	}
}
