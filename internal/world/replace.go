package world

import (
	"slices"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/journal"
	"byok/internal/kmdata"
	"byok/internal/quorum"
	"byok/internal/session"
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
func (s Quorum) ReplaceCards(r Replacement) error {
	if s.Chain.Set().Cards.Number == s.Module.CardSet {
		if err := s.bringIntoForce(r); err != nil {
			return err
		}
	}
	return goOn(s.refresh(r))
}

// bringIntoForce deals the new cards and signs their statement.
func (s Quorum) bringIntoForce(r Replacement) error {
	if err := r.CardOrder.Check(s.Chain.Rehearsal(), s.Chain.Dir()); err != nil {
		return err
	}
	_, err := journal.Run(journal.Of(s.Chain.Dir()), journal.Operation[replacementNote]{
		Name: replacementName,
		Undo: func(n replacementNote) error {
			if n.Cards.HKNSO == s.Chain.HKNSO() {
				return nil
			}
			return r.removeCards(n.Cards)
		},
		Check: func() error { return cards.CheckBlank(r.Media) },
		Do:    func(note *replacementNote, save func() error) error { return s.replace(r, note, save) },
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

func (s Quorum) replace(r Replacement, note *replacementNote, save func() error) error {
	keys, err := session.NewKeySet()
	if err != nil {
		return err
	}
	defer keys.Wipe()
	old := s.Set().Cards
	issue, err := old.Replace(r.Quorum, r.Holders, keys.HKNSO)
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
func (s Quorum) signCards(issue *quorum.Issue, note *replacementNote) error {
	statement := &kmdata.Cards{Cards: note.Cards, KNSO: note.KNSO, KM: note.KM}
	for _, m := range s.Chain.Modules() {
		sealed, err := s.passOn(m, issue)
		if err != nil {
			return err
		}
		statement.PINs = append(statement.PINs, kmdata.SealedPIN{Module: m.Module, Sealed: sealed})
	}
	if err := s.Next(statement); err != nil {
		return err
	}
	set := kmdata.Set{Cards: note.Cards, KNSO: note.KNSO, KM: note.KM}
	signer, err := session.NewKNSO(issue.Secret, set)
	if err != nil {
		return err
	}
	entry, err := s.Append(statement, signer)
	if err != nil {
		return err
	}
	s.UI().Say("hknso is now %s", entry.Statement.(*kmdata.Cards).NewHKNSO().FirstWords(8))
	s.PassTo(issue)
	return nil
}

// passOn seals a module's present PIN under a new world secret.
func (s Quorum) passOn(m *kmdata.Module, issue *quorum.Issue) (string, error) {
	pin, err := session.CurrentPIN(s.Secret(), s.Set().Cards, m)
	if err != nil {
		return "", err
	}
	defer pin.Wipe()
	return quorum.Seal(issue.Secret, issue.Set.Context().For(m.Module), quorum.PurposeSealSOPIN, pin)
}

// refresh brings the module at hand to the card set in force. It can run any
// number of times.
func (s Quorum) refresh(r Replacement) error {
	if err := s.readFormer(r); err != nil {
		return err
	}
	m := s.joining()
	defer m.Wipe()
	set := s.Set()
	if err := s.AsSO(func() error { return m.trust(s.HSM, set) }); err != nil {
		return err
	}
	if err := s.AsUser(func() error { return s.rewrapAll(m) }); err != nil {
		return err
	}
	if err := s.handOver(m); err != nil {
		return err
	}
	return s.endReplacement(m, set)
}

// endReplacement signs the module statement, anchors it and clears the note.
func (s Quorum) endReplacement(m *module, set kmdata.Set) error {
	statement := m.statement(set.Cards)
	statement.Findings = slices.Clone(s.Module.Findings)
	if err := s.AsUser(func() error { return m.probe(s.HSM, set) }); err != nil {
		return err
	}
	if _, err := s.Sign(statement); err != nil {
		return err
	}
	s.Module = statement
	if err := s.AsUser(s.ExactlyTrusted); err != nil {
		return err
	}
	if err := s.Finish(); err != nil {
		return err
	}
	for _, behind := range s.Chain.Behind() {
		s.UI().Warn("still open to the old cards: " + behind.Token.String())
	}
	return journal.Of(s.Chain.Dir()).Clear(replacementName) // of a run that was cut short
}

// readFormer reads the old cards where the session is the new cards' and a
// backup is still under the old set.
func (s Quorum) readFormer(r Replacement) error {
	stale, err := s.stale()
	if err != nil || len(stale) == 0 {
		return err
	}
	err = s.ReadFormer(r.Old, r.OldUI)
	return exitcode.Hint(
		err,
		"backups of %s are still under the old set: give its cards with --card too",
		session.Join(stale),
	)
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
