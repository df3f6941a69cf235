package world

import (
	"cmp"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/journal"
	"byok/internal/keyset"
	"byok/internal/kmdata"
	"byok/internal/pins"
	"byok/internal/quorum"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/twologins"
)

// Replacement asks for a new card set in place of the present one.
type Replacement struct {
	NewUI     cards.UI       // asks for the passphrases of the new set
	CardOrder                // of the new set
	Old       []cards.Medium // K cards of the present set
	OldUI     cards.UI       // asks for their passphrases
}

// replacementNote is the journal's note: the new set.
type replacementNote struct {
	Cards quorum.CardSet           `json:"cards,omitzero"`
	KNSO  statement.SealedKey      `json:"knso"`
	KM    statement.SealedKey      `json:"km"`
	Own   statement.OwnPassphrases `json:"own_passphrases,omitzero"`
}

const replacementName = "world-replace-cards"

// refreshName is the journal's name of a replacement's work on one module.
func refreshName(module string) string { return replacementName + "_" + module }

// ReplaceCards makes everything new: cards, world secret, KNSO, KM and, on the
// module at hand, KW and SO PIN, and wraps every backup again. The session is
// the old cards'; when an interrupted replacement is in force already, it is
// the new cards'. Other modules stay open to the old cards until the same
// command has run on each.
func (s Quorum) ReplaceCards(r Replacement) error {
	unfinished, err := r.Unfinished(s.Station)
	if err != nil {
		return err
	}
	if !unfinished {
		if err := s.bringIntoForce(r); err != nil {
			return err
		}
	}
	return goOn(s.refresh(r))
}

// Unfinished reports whether a replacement that is in force was cut short on
// the module at hand. Its cards then open the session that finishes it: the
// module is behind, or has been reached, and the cards on the new media are
// those in force.
func (r Replacement) Unfinished(s *session.Station) (bool, error) {
	if s.Behind() {
		return true, nil
	}
	_, pending, err := journal.Pending[refreshNote](journal.Of(s.Chain.Dir()), refreshName(s.Module.Module))
	if err != nil || !pending || len(r.Media) == 0 {
		return false, err
	}
	h, _, err := r.Media[0].Read()
	return err == nil && h.HKNSO == s.Chain.HKNSO(), nil
}

// bringIntoForce deals the new cards and signs their statement.
func (s Quorum) bringIntoForce(r Replacement) error {
	order := r.CardOrder.Check(s.Chain.Rehearsal(), s.Chain.Dir())
	if err := cmp.Or(order, s.Chain.CheckFiles(), s.checkHalfway()); err != nil {
		return err
	}
	_, err := journal.Run(journal.Of(s.Chain.Dir()), journal.Operation[replacementNote]{
		Name:  replacementName,
		Keep:  func(n replacementNote) bool { return s.mayBeInForce(n.Cards) },
		Undo:  func(n replacementNote) error { return cards.RemoveAll(n.Cards, r.Media) },
		Check: func() error { return cards.CheckBlank(r.Media) },
		Do:    func(note *replacementNote, save func() error) error { return s.replace(r, note, save) },
	}, replacementNote{})
	return err
}

// checkHalfway refuses a replacement while an earlier one was cut short on
// another module: that module's PIN may be the earlier one's or the next, and
// only one of them is passed on.
func (s Quorum) checkHalfway() error {
	for _, m := range s.Chain.Behind() {
		_, pending, err := journal.Pending[refreshNote](journal.Of(s.Chain.Dir()), refreshName(m.Module))
		if err != nil {
			return err
		}
		if pending {
			return exitcode.Errorf(exitcode.Refused, "the last card replacement was interrupted on %s", m.Token).
				Hint("connect that module and run byok-offline world replace-cards to its end, or strike it off")
		}
	}
	return nil
}

// mayBeInForce reports whether a set is in force as the files are now: its
// cards must not be removed then. Files that cannot be read may say anything.
func (s Quorum) mayBeInForce(set quorum.CardSet) bool {
	chain, err := kmdata.Open(s.Chain.Dir())
	return err != nil || chain.HKNSO() == set.HKNSO
}

func (s Quorum) replace(r Replacement, note *replacementNote, save func() error) error {
	keys, err := keyset.New()
	if err != nil {
		return err
	}
	defer keys.Wipe()
	issue, err := s.Set().Cards.Replace(r.Quorum, r.Holders, keys.HKNSO)
	if err != nil {
		return err
	}
	defer issue.Wipe()
	note.Cards = issue.Set
	if note.KNSO, note.KM, err = keys.Seal(issue.Secret, issue.Set); err != nil {
		return err
	}
	if err := save(); err != nil {
		return err
	}
	dealt, err := cards.Deal(issue, s.Chain.World().Label, r.Media, r.Work, r.NewUI)
	if err != nil {
		return err
	}
	note.Own = ownPassphrases(dealt)
	return s.signCards(issue, note)
}

// signCards seals every module's present PIN under the new secret and signs
// the replacement with the old KNSO and the new one.
func (s Quorum) signCards(issue *quorum.Issue, note *replacementNote) error {
	set := kmdata.Set{Cards: note.Cards, KNSO: note.KNSO, KM: note.KM}
	signer, err := session.NewKNSO(issue.Secret, set)
	if err != nil {
		return err
	}
	next := &statement.Cards{Cards: note.Cards, KNSO: note.KNSO, KM: note.KM, Own: note.Own}
	for _, m := range s.Chain.Modules() {
		held := m.Traits()
		if !held.SOPIN && !held.UserPIN {
			continue
		}
		passed, err := s.passOn(m, issue)
		if err != nil {
			return err
		}
		next.PINs = append(next.PINs, passed)
	}
	if err := s.Next(next); err != nil {
		return err
	}
	if _, err := s.Append(next, signer); err != nil {
		return err
	}
	s.UI().Say("hknso is now %s", next.NewHKNSO().FirstWords(8))
	s.PassTo(issue)
	return nil
}

// passOn seals a module's present PINs under a new world secret.
func (s Quorum) passOn(m *statement.Module, issue *quorum.Issue) (p statement.SealedPIN, err error) {
	p.Module = m.Module
	if m.Traits().SOPIN {
		if p.Sealed, err = s.passPIN(pins.SO, m, issue); err != nil {
			return p, err
		}
	}
	if m.Traits().UserPIN {
		p.User, err = s.passPIN(pins.User, m, issue)
	}
	return p, err
}

func (s Quorum) passPIN(h pins.Held, m *statement.Module, issue *quorum.Issue) (string, error) {
	pin, err := s.PINOf(h, m)
	if err != nil {
		return "", err
	}
	defer pin.Wipe()
	return h.Seal(issue.Secret, issue.Set, m.Module, pin)
}

// refreshNote says that a module is between two card sets.
type refreshNote struct {
	Set     int  `json:"set"`              // the one that is to reach it
	Refused bool `json:"refused,omitzero"` // see module
}

// refreshNote is the note to go on with: an interrupted run's, if it was about
// the same set.
func (s Quorum) refreshNote(module string) (refreshNote, error) {
	note := refreshNote{Set: s.Set().Cards.Number}
	old, pending, err := journal.Pending[refreshNote](journal.Of(s.Chain.Dir()), refreshName(module))
	if pending && old.Set == note.Set {
		note = old
	}
	return note, err
}

// refresh brings the module at hand to the card set in force. It can run any
// number of times.
func (s Quorum) refresh(r Replacement) error {
	if err := s.readFormer(r); err != nil {
		return err
	}
	m := s.joining()
	defer m.Wipe()
	note, err := s.refreshNote(m.id)
	if err != nil {
		return err
	}
	before, err := journal.Run(journal.Of(s.Chain.Dir()), journal.Operation[refreshNote]{
		Name: refreshName(m.id),
		Done: func(refreshNote) (bool, error) { return !s.Behind(), nil },
		Keep: func(refreshNote) bool { return true },
		Do: func(note *refreshNote, save func() error) error {
			m.noted(&note.Refused, save)
			return s.reach(m)
		},
	}, note)
	if before && err == nil {
		err = s.Finish() // the interrupted run may not have set the anchor
	}
	if err != nil {
		return err
	}
	for _, behind := range s.Chain.Behind() {
		s.UI().Warn("still open to the old cards: " + behind.Token.String())
	}
	return journal.Of(s.Chain.Dir()).Clear(replacementName) // of a run that was cut short
}

// reach makes the module's keys and PIN those of the set in force, and signs
// and anchors its statement.
func (s Quorum) reach(m *module) error {
	set := s.Set()
	if err := s.trustAgain(m, set); err != nil {
		return err
	}
	if err := s.AsUser(func() error { return s.rewrapAll(m) }); err != nil {
		return err
	}
	if err := s.handOver(m); err != nil {
		return err
	}
	if err := s.AsUser(func() error { return m.probe(s.HSM, set) }); err != nil {
		return err
	}
	if err := m.prove(); err != nil {
		return err
	}
	reached := m.statement(set.Cards)
	if _, err := s.Sign(reached); err != nil {
		return err
	}
	s.Quorum.Module = reached
	return s.Finish()
}

// trustAgain puts the keys of the set in force on the module, trusted as its
// guard has it.
func (s Quorum) trustAgain(m *module, set kmdata.Set) error {
	switch m.traits().Trusted {
	case statement.TrustedBySO:
		return s.AsSO(func() error { return m.trust(s.HSM, set) })
	case statement.TrustedByTool:
		return s.AsUser(func() error { return m.trustByTool(s.HSM, set) })
	}
	return nil
}

// joining is the module in use as it is to be under the card set in force.
func (s Quorum) joining() *module {
	return &module{
		ui:      s.UI(),
		hsm:     s.Loaded,
		token:   s.Token,
		library: s.Module.Library,
		id:      s.Module.Module,
		guard:   s.Module.Guard,
		two:     twologins.Order{Rights: s.Module.RightsPerLogin},
		user:    s.PIN(),
		kml:     s.Module.KML,
		form:    s.Module.Form,
		leftOut: s.Module.LeftOut,
		trusted: s.Module.Trust,
		vendor:  s.Module.VendorQuorum,
		lone:    s.Module.Lone(),
		others:  s.Module.Others,
	}
}

// readFormer reads the old cards where the session is the new cards' and a
// backup is still under the old set.
func (s Quorum) readFormer(r Replacement) error {
	stale, err := s.stale()
	if err != nil || len(stale) == 0 {
		return err
	}
	err = s.ReadFormer(r.Old, r.OldUI)
	return exitcode.Hint(err, "backups of %s are still under the old set: give its cards with --card too",
		session.Join(stale))
}

// stale lists the keys whose backups are not under the set in force.
func (s Quorum) stale() ([]string, error) {
	keys, err := s.Chain.Keys()
	if err != nil {
		return nil, err
	}
	var idents []string
	for _, k := range keys {
		if k.CardSet != s.Set().Cards.Number {
			idents = append(idents, k.Ident)
		}
	}
	return idents, nil
}
