package world

import (
	"byok/internal/pins"
	"byok/internal/session"
)

// Accept proves the module through the library that is loaded, and signs a
// new module statement with it.
func (s Quorum) Accept() error {
	if err := s.Current(); err != nil {
		return err
	}
	m := s.joining()
	defer m.Wipe()
	if err := s.borrowPIN(m); err != nil {
		return err
	}
	if err := s.AsUser(func() error { return m.probe(s.HSM, s.Set()) }); err != nil {
		return err
	}
	if err := m.prove(); err != nil {
		return err
	}
	next := *s.Module
	next.Token, next.Findings = session.TokenOf(s.Token), m.rows
	if _, err := s.Sign(&next); err != nil {
		return err
	}
	return s.Finish()
}

// borrowPIN gives a module at hand its SO PIN, where the cards hold one.
func (s Quorum) borrowPIN(m *module) (err error) {
	if m.traits().SOPIN {
		m.pin, err = s.Present(pins.SO)
	}
	return err
}
