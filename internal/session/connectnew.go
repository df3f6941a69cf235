package session

import (
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// ConnectNew connects a module of the world through a library that no
// statement names: an upgrade, or another configuration. The card holders
// accept it before it is loaded, and type the serial as it stands on the
// device; world.Quorum.Accept then signs it.
func ConnectNew(chain *kmdata.Chain, path string, name hsm.TokenName, ui UI) (*Station, error) {
	modules := chain.Modules()
	if len(modules) == 0 {
		return nil, noModule()
	}
	id, err := Accept(path, chain.Rehearsal(), &modules[len(modules)-1].Library, ui)
	if err != nil {
		return nil, err
	}
	m, err := hsm.Load(id.Path)
	if err != nil {
		return nil, err
	}
	candidates := make([]*statement.Module, 0, len(modules))
	for _, old := range modules {
		with := *old
		with.Library = id
		candidates = append(candidates, &with)
	}
	s := &Station{Chain: chain, Loaded: m}
	if err := s.find(candidates, name, ui); err != nil {
		m.Close()
		return nil, err
	}
	if err := ui.AcceptSerial(s.Token.String(), s.Token.Serial); err != nil {
		m.Close()
		return nil, err
	}
	return s, nil
}
