package world

import (
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
)

// ConnectNew connects a module of the world through a library that no
// statement names: an upgrade, or another configuration. The card holders
// accept it before it is loaded, and type the serial as it stands on the
// device; [Session.Accept] then signs it.
func ConnectNew(chain *kmdata.Chain, path string, ui UI) (*Station, error) {
	modules := chain.Modules()
	if len(modules) == 0 {
		return nil, exitcode.Errorf(exitcode.Refused, "no statement of this world names a module")
	}
	id, err := accept(path, chain.Rehearsal(), &modules[len(modules)-1].Library, ui)
	if err != nil {
		return nil, err
	}
	m, err := hsm.Load(id.Path)
	if err != nil {
		return nil, err
	}
	candidates := make([]*kmdata.Module, 0, len(modules))
	for _, old := range modules {
		with := *old
		with.Library = id
		candidates = append(candidates, &with)
	}
	s := &Station{Chain: chain, hsm: m}
	if err := s.find(candidates); err != nil {
		m.Close()
		return nil, err
	}
	if err := ui.AcceptSerial(s.Token.String(), s.Token.Serial); err != nil {
		m.Close()
		return nil, err
	}
	return s, nil
}

// Accept proves the module through the library that is loaded, and signs a
// new module statement with it.
func (s *Session) Accept() error {
	if err := s.current(); err != nil {
		return err
	}
	m := &module{
		ui: s.access.UI, hsm: s.hsm, token: s.Token, library: s.Module.Library, id: s.Module.Module,
		guard: s.Module.Guard, user: s.pin, form: hsm.Form(s.Module.Form), leftOut: s.Module.LeftOut, kml: s.Module.KML,
	}
	var err error
	if m.pin, err = s.soPIN(); err != nil {
		return err
	}
	defer m.Wipe()
	if err := s.asUser(func() error { return m.probe(s.token, s.knso.set) }); err != nil {
		return err
	}
	if err := m.prove(); err != nil {
		return err
	}
	next := *s.Module
	next.Token, next.Findings = tokenOf(s.Token), m.rows
	if _, err := s.sign(&next); err != nil {
		return err
	}
	return s.Finish()
}
