package world

import (
	"fmt"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/journal"
	"byok/internal/kmdata"
	"byok/internal/library"
	"byok/internal/secret"
	"byok/internal/session"
)

// Recovery asks for the world on a module that it does not have yet.
type Recovery struct {
	session.Access
	Media   []cards.Medium
	Label   string // of the token
	UserPIN func(token hsm.Token) (*secret.Bytes, error)
}

// recovery carries a Recovery through its steps.
type recovery struct {
	Recovery
	chain   *kmdata.Chain
	library library.Identity
	session *session.Quorum
	module  *module
}

// recoveryNote is the journal's note: with it a second run goes on with the
// token that the first had initialised.
type recoveryNote struct {
	Label  string `json:"label"`
	Module string `json:"module"`
}

const recoveryName = "world-recover"

// Recover has the quorum accept a further module, or a new one after the only
// one was lost: a free token gets a PIN from the cards, KM, KW and a KML of
// its own. Keys are restored afterwards.
func Recover(o Recovery) (*kmdata.Chain, error) {
	chain, err := kmdata.Open(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := session.Enough(chain, o.Media); err != nil {
		return nil, err
	}
	if err := kmdata.CheckLabel(o.Label); err != nil {
		return nil, err
	}
	r := &recovery{Recovery: o, chain: chain}
	if r.library, err = session.Accept(o.Library, chain.Rehearsal(), nil, o.UI); err != nil {
		return nil, err
	}
	loaded, err := hsm.Load(r.library.Path)
	if err != nil {
		return nil, err
	}
	defer loaded.Close()
	r.module = &module{ui: o.UI, hsm: loaded, library: r.library, guard: kmdata.GuardTrust}
	defer r.Wipe()
	if err := r.run(); err != nil {
		return nil, err
	}
	return chain, nil
}

// Wipe wipes what the recovery holds in memory.
func (r *recovery) Wipe() {
	r.module.Wipe()
	r.module.user.Wipe()
	if r.session != nil {
		r.session.Close()
	}
}

func (r *recovery) run() error {
	note, err := r.choose()
	if err != nil {
		return err
	}
	if r.session, err = r.begin(); err != nil {
		return err
	}
	if err := r.module.derive(r.session.Secret(), r.chain.Set().Cards); err != nil {
		return err
	}
	_, err = journal.Run(journal.Of(r.Dir), journal.Operation[recoveryNote]{
		Name: recoveryName,
		Done: func(n recoveryNote) (bool, error) {
			_, err := r.chain.Module(n.Module)
			return err == nil, nil
		},
		Undo: func(recoveryNote) error { return nil }, // the next run goes on with the token
		Do:   func(*recoveryNote, func() error) error { return r.do() },
	}, note)
	return goOn(err)
}

// choose finds a free token, or the one that an interrupted run initialised,
// before the cards are read.
func (r *recovery) choose() (recoveryNote, error) {
	note, pending, err := journal.Pending[recoveryNote](journal.Of(r.Dir), recoveryName)
	if err != nil {
		return note, err
	}
	if !pending || note.Label != r.Label {
		note = recoveryNote{Label: r.Label, Module: newModuleID()}
	}
	r.module.id = note.Module
	labelled, err := r.module.hsm.Labelled(r.Label)
	if err != nil {
		return note, err
	}
	switch {
	case len(labelled) == 0:
		r.module.token, err = r.module.hsm.Free()
	case len(labelled) == 1 && pending:
		r.module.token = labelled[0]
	default:
		err = exitcode.Errorf(exitcode.Refused, "label %q is taken by an initialised token (serial %s)",
			r.Label, labelled[0].Serial).
			Hint("choose another one with --label")
	}
	if err != nil {
		return note, err
	}
	return note, r.ask()
}

// ask has the serial typed and the user PIN chosen.
func (r *recovery) ask() (err error) {
	t := r.module.token
	if err := r.module.hsm.CheckMechanisms(t); err != nil {
		return err
	}
	if err := r.UI.AcceptSerial(t.String(), t.Serial); err != nil {
		return err
	}
	if r.module.user, err = r.UserPIN(t); err != nil {
		return err
	}
	return t.CheckPIN(r.module.user)
}

// begin reads the cards without a module of the world at hand.
func (r *recovery) begin() (*session.Quorum, error) {
	station := &session.Station{Chain: r.chain, Module: &kmdata.Module{}, Token: r.module.token, Loaded: r.module.hsm}
	return session.BeginNew(r.Access, station, r.Media)
}

func (r *recovery) do() error {
	m, set := r.module, r.chain.Set()
	if m.token.Initialised && m.opens() {
		r.UI.Say("%v was prepared by the interrupted run", m.token)
	} else if err := m.initialise(m.pin, r.Label); err != nil {
		return err
	}
	if err := m.equip(set, true); err != nil {
		return err
	}
	if err := m.prove(); err != nil {
		return err
	}
	if err := r.strikeOff(); err != nil {
		return err
	}
	entry, err := r.session.Sign(m.statement(set.Cards))
	if err != nil {
		return err
	}
	return m.anchor(entry, set)
}

// strikeOff ends the module that was on the same token before it was wiped.
func (r *recovery) strikeOff() error {
	for _, old := range r.chain.Modules() {
		if !old.Token.Same(session.TokenOf(r.module.token)) || old.Module == r.module.id {
			continue
		}
		const reason = "the token was initialised again and the world recovered to it"
		if err := (Quorum{r.session}).strikeOff(old, reason); err != nil {
			return err
		}
	}
	return nil
}

// strikeOff signs that a module will not come back.
func (s Quorum) strikeOff(m *kmdata.Module, reason string) error {
	_, err := s.Sign(&kmdata.Module{Module: m.Module, StruckOff: reason})
	return err
}

// StrikeOff has the quorum strike a module off: it will not come back.
func (s Quorum) StrikeOff(id, reason string) error {
	m, err := s.Chain.Module(id)
	if err != nil {
		return err
	}
	if m.Module == s.Module.Module {
		return exitcode.Errorf(exitcode.Refused, "%s is the module at hand", m.Token).
			Hint("strike a module off from another module of the world")
	}
	if err := s.strikeOff(m, reason); err != nil {
		return err
	}
	return s.Finish()
}

// anchor puts the anchor of a statement on the token, in a session of its own.
func (m *module) anchor(e kmdata.Entry, set kmdata.Set) error {
	if !session.Anchors(m.guard) {
		return nil
	}
	km, err := set.KM.ModuleKey()
	if err != nil {
		return err
	}
	on, err := m.hsm.Open(m.token)
	if err != nil {
		return err
	}
	defer on.Close()
	if err := on.Login(hsm.RoleSO, m.pin); err != nil {
		return err
	}
	if err := on.SetAnchor(session.AnchorOf(e).Label(), km); err != nil {
		return fmt.Errorf("%v is signed, but the token does not carry its anchor: %w", e, err)
	}
	return nil
}
