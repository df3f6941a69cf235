package world

import (
	"slices"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/quorum"
)

// Replacement asks for a new card set in place of the present one.
type Replacement struct {
	NewUI     cards.UI       // asks for the passphrases of the new set
	CardOrder                // of the new set
	Old       []cards.Medium // K cards of the present set
	OldUI     cards.UI       // asks for their passphrases
}

// replacementNote is the journal's note: the new set, and whether all of its
// cards are dealt.
type replacementNote struct {
	Cards quorum.CardSet   `json:"cards,omitzero"`
	KNSO  kmdata.SealedKey `json:"knso"`
	KM    kmdata.SealedKey `json:"km"`
	Dealt bool             `json:"dealt"`
}

const replacementName = "world-replace-cards"

// ReplaceCards makes everything new: cards, world secret, KNSO, KM and, on the
// module at hand, KW and SO PIN, and wraps every backup again. The session is
// the old cards'; when an interrupted replacement is in force already, it is
// the new cards'. Other modules stay open to the old cards until the same
// command has run on each.
func (s *Session) ReplaceCards(r Replacement) error {
	if s.Chain.Set().Cards.Number == s.Module.CardSet {
		if err := s.bringIntoForce(r); err != nil {
			return err
		}
	}
	return goOn(s.refresh(r))
}

// bringIntoForce deals the new cards and signs their statement.
func (s *Session) bringIntoForce(r Replacement) error {
	if err := r.CardOrder.Check(s.Chain.Rehearsal(), s.Chain.Dir()); err != nil {
		return err
	}
	_, err := run(journal(s.Chain.Dir()), operation[replacementNote]{
		name: replacementName,
		undo: func(n replacementNote) error {
			if n.Cards.HKNSO == s.Chain.HKNSO() {
				return nil
			}
			return r.removeCards(n.Cards)
		},
		check: func() error { return cards.CheckBlank(r.Media) },
		do:    func(note *replacementNote, save func() error) error { return s.replace(r, note, save) },
	}, replacementNote{})
	return err
}

// removeCards takes back the cards of a set that never came into force.
func (r Replacement) removeCards(set quorum.CardSet) error {
	if len(set.Holders) == 0 {
		return nil
	}
	return cards.RemoveAll(set, r.Media)
}

func (s *Session) replace(r Replacement, note *replacementNote, save func() error) error {
	keys, err := newKeySet()
	if err != nil {
		return err
	}
	defer keys.Wipe()
	old := s.knso.set.Cards
	issue, err := old.Replace(r.Quorum, r.Holders, keys.hknso)
	if err != nil {
		return err
	}
	defer issue.Wipe()
	note.Cards = issue.Set
	if note.KNSO, note.KM, err = keys.seal(issue.Secret, issue.Set); err != nil {
		return err
	}
	if err := save(); err != nil {
		return err
	}
	if _, err := cards.Deal(issue, s.Chain.World().Label, r.Media, r.Work, r.NewUI); err != nil {
		return err
	}
	note.Dealt = true
	if err := save(); err != nil {
		return err
	}
	return s.signCards(issue, note)
}

// signCards seals every module's present PIN under the new secret and signs
// the replacement with the old KNSO and the new one.
func (s *Session) signCards(issue *quorum.Issue, note *replacementNote) error {
	statement := &kmdata.Cards{Cards: note.Cards, KNSO: note.KNSO, KM: note.KM}
	for _, m := range s.Chain.Modules() {
		sealed, err := s.passOn(m, issue)
		if err != nil {
			return err
		}
		statement.PINs = append(statement.PINs, kmdata.SealedPIN{Module: m.Module, Sealed: sealed})
	}
	if err := s.next(statement); err != nil {
		return err
	}
	set := kmdata.Set{Cards: note.Cards, KNSO: note.KNSO, KM: note.KM}
	entry, err := s.append(statement, knso{issue.Secret, set})
	if err != nil {
		return err
	}
	s.access.UI.Say("hknso is now %s", entry.Statement.(*kmdata.Cards).NewHKNSO().FirstWords(8))
	return s.passTo(issue)
}

// passTo makes the session the new cards'.
func (s *Session) passTo(issue *quorum.Issue) error {
	former := s.knso
	s.former = &former
	s.formerCards = s.cards
	s.cards = &cards.Quorum{Set: issue.Set, Secret: issue.Secret}
	issue.Secret = nil // the session wipes it
	for i, holder := range issue.Set.Holders {
		s.cards.Cards = append(s.cards.Cards, cards.Holding{Index: i + 1, Holder: holder})
	}
	s.knso = knso{s.cards.Secret, s.Chain.Set()}
	return nil
}

// passOn seals a module's present PIN under a new world secret.
func (s *Session) passOn(m *kmdata.Module, issue *quorum.Issue) (string, error) {
	pin, err := currentPIN(s.cards.Secret, s.knso.set.Cards, m)
	if err != nil {
		return "", err
	}
	defer pin.Wipe()
	return quorum.Seal(issue.Secret, issue.Set.Context().For(m.Module), quorum.PurposeSealSOPIN, pin)
}

// refresh brings the module at hand to the card set in force. It can run any
// number of times.
func (s *Session) refresh(r Replacement) error {
	if err := s.readFormer(r); err != nil {
		return err
	}
	m := s.joining()
	defer m.Wipe()
	set := s.knso.set
	if err := s.asSO(func() error { return m.trust(s.token, set) }); err != nil {
		return err
	}
	if err := s.asUser(func() error { return s.rewrapAll(m) }); err != nil {
		return err
	}
	if err := s.handOver(m); err != nil {
		return err
	}
	return s.endReplacement(m, set)
}

// endReplacement signs the module statement, anchors it and clears the note.
func (s *Session) endReplacement(m *module, set kmdata.Set) error {
	statement := m.statement(set.Cards)
	statement.Findings = slices.Clone(s.Module.Findings)
	if err := s.asUser(func() error { return m.probe(s.token, set) }); err != nil {
		return err
	}
	if _, err := s.sign(statement); err != nil {
		return err
	}
	s.Module = statement
	if err := s.asUser(s.exactlyTrusted); err != nil {
		return err
	}
	if err := s.Finish(); err != nil {
		return err
	}
	for _, behind := range s.Chain.Behind() {
		s.access.UI.Warn("still open to the old cards: " + behind.Token.String())
	}
	return journal(s.Chain.Dir()).clear(replacementName) // of a run that was cut short
}

// readFormer reads the old cards where the session is the new cards' and a
// backup is still under the old set.
func (s *Session) readFormer(r Replacement) error {
	if s.former != nil {
		return nil
	}
	stale, err := s.stale()
	if err != nil || len(stale) == 0 {
		return err
	}
	sets := s.Chain.Sets()
	old := sets[len(sets)-2]
	if err := enough(old.Cards, r.Old); err != nil {
		return exitcode.Hint(err, "backups of %s are still under the old set: give its cards with --card too", describeList(stale))
	}
	q, err := cards.Read(r.Old, func(quorum.Card) (quorum.CardSet, error) { return old.Cards, nil }, r.OldUI, old.Cards.Quorum.K)
	if err != nil {
		return err
	}
	s.formerCards = q
	s.former = &knso{q.Secret, old}
	return s.former.check()
}

// stale lists the keys whose backups are not under the set in force.
func (s *Session) stale() ([]string, error) {
	keys, err := s.Chain.Keys()
	if err != nil {
		return nil, err
	}
	var idents []string
	for _, k := range keys {
		if k.CardSet != s.knso.set.Cards.Number {
			idents = append(idents, k.Ident)
		}
	}
	return idents, nil
}
