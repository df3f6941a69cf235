package world

import (
	"cmp"

	"byok/internal/candidate"
	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/journal"
	"byok/internal/kmdata"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/twologins"
)

// Recovery asks for the world on a module that it does not have yet.
type Recovery struct {
	session.Access
	Media []cards.Medium
	Label string // of the token
	// VendorQuorum is a quorum of the vendor's own, as somebody states it by name.
	VendorQuorum string
	TwoLogins    twologins.Order
	UserPIN      func(token hsm.Token) (*secret.Bytes, error)
}

// recovery carries a Recovery through its steps.
type recovery struct {
	Recovery
	chain   *kmdata.Chain
	session *session.Quorum
	module  *module
}

// recoveryNote is the journal's note: with it a second run goes on with the
// token that the first had initialised.
type recoveryNote struct {
	Label   string `json:"label"`
	Module  string `json:"module"`
	Taken   bool   `json:"taken"`            // the token may have the SO PIN of the cards
	Refused bool   `json:"refused,omitzero"` // see module
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
	if err := session.MayRead(chain, o.Media); err != nil {
		return nil, err
	}
	if err := session.CheckHeaders(chain, o.Media); err != nil {
		return nil, err
	}
	guard := guardOfRecovery(chain)
	if err := cmp.Or(statement.CheckLabel(o.Label), o.TwoLogins.Fits(guard)); err != nil {
		return nil, err
	}
	r := &recovery{Recovery: o, chain: chain, module: &module{
		ui: o.UI, guard: guard, vendor: o.VendorQuorum, two: o.TwoLogins,
	}}
	defer r.Close()
	if err := r.module.load(o.Library, chain.Rehearsal()); err != nil {
		return nil, err
	}
	if err := r.run(); err != nil {
		return nil, err
	}
	return chain, nil
}

// guardOfRecovery is the guard of a module that joins later: the world's, or
// trust in place of trust-shared, since the cards initialise the token.
func guardOfRecovery(chain *kmdata.Chain) statement.Guard {
	if g := chain.World().Guard; g.Traits().Trusted != statement.TrustedBySO {
		return g
	}
	return statement.GuardTrust
}

// Close wipes what the recovery holds in memory, and ends its session.
func (r *recovery) Close() {
	if r.session != nil {
		r.session.Close()
	}
	r.module.Close()
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
	before, err := journal.Run(journal.Of(r.Dir), journal.Operation[recoveryNote]{
		Name: recoveryName,
		Done: func(n recoveryNote) (bool, error) { return r.done(n), nil },
		Keep: func(recoveryNote) bool { return true }, // the token may depend on the module's id
		Do:   r.do,
	}, note)
	if err != nil || !before {
		return goOn(err)
	}
	return r.module.anchor(r.chain.Last(), r.chain.Set()) // the interrupted run may not have set it
}

// done reports whether the module of an interrupted run has its statement.
func (r *recovery) done(n recoveryNote) bool {
	_, err := r.chain.Module(n.Module)
	return err == nil && n.Module == r.module.id
}

// choose finds a free token, or the one that an interrupted run initialised,
// before the cards are read.
func (r *recovery) choose() (recoveryNote, error) {
	note, pending, err := journal.Pending[recoveryNote](journal.Of(r.Dir), recoveryName)
	if err != nil {
		return note, err
	}
	if !pending || note.Label != r.Label {
		note = recoveryNote{Label: r.Label, Module: statement.NewModuleID()}
	}
	r.module.id = note.Module
	if err := r.pick(note); err != nil {
		return note, err
	}
	return note, r.module.ask(func() (*secret.Bytes, error) { return r.UserPIN(r.module.token) })
}

func (r *recovery) pick(note recoveryNote) (err error) {
	held := r.module.traits()
	order := candidate.Order{
		Label: r.Label, Name: r.Token, Made: !held.SOPIN, Taken: note.Taken, Lone: held.UserPIN,
	}
	r.module.token, err = order.Find(r.module.hsm)
	return err
}

// begin reads the cards without a module of the world at hand.
func (r *recovery) begin() (*session.Quorum, error) {
	station := &session.Station{
		Chain:  r.chain,
		Module: &statement.Module{Library: r.module.library},
		Token:  r.module.token,
		Loaded: r.module.hsm,
	}
	return session.BeginNew(r.Access, station, r.Media)
}

func (r *recovery) do(note *recoveryNote, save func() error) error {
	m, set := r.module, r.chain.Set()
	m.noted(&note.Refused, save)
	if err := r.take(note, save); err != nil {
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

// take initialises the token with the SO PIN of the cards, unless an
// interrupted run did.
func (r *recovery) take(note *recoveryNote, save func() error) error {
	m := r.module
	if !m.traits().SOPIN {
		return m.takeAsUser(r.session.Secret(), r.chain.Set().Cards)
	}
	if note.Taken && m.token.Initialised && m.opens() {
		r.UI.Say("%v was prepared by the interrupted run", m.token)
		return nil
	}
	if m.token.Initialised {
		return candidate.Taken(r.Label, m.token)
	}
	note.Taken = true
	if err := save(); err != nil {
		return err
	}
	return m.initialise(r.Label)
}

// strikeOff ends the module that was on the same token before it was wiped.
func (r *recovery) strikeOff() error {
	for _, old := range r.chain.Modules() {
		if !old.Token.Same(session.TokenOf(r.module.token)) || old.Module == r.module.id {
			continue
		}
		const why = "the token was initialised again and the world recovered to it"
		if err := (Quorum{r.session}).strikeOff(old, why); err != nil {
			return err
		}
	}
	return nil
}

// strikeOff signs that a module will not come back.
func (s Quorum) strikeOff(m *statement.Module, reason string) error {
	_, err := s.Sign(&statement.Module{Module: m.Module, StruckOff: reason})
	return err
}

// StrikeOff has the quorum strike a module off: it will not come back.
func (s Quorum) StrikeOff(id, reason string) error {
	m, err := s.Chain.Module(id)
	if err != nil {
		return err
	}
	if m.Module == s.Module.Module {
		return exitcode.Errorf(exitcode.Refused, "%s is the module in use", m.Token).
			Hint("strike a module off from another module of the world")
	}
	return s.End(s.strikeOff(m, reason))
}
