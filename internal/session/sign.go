package session

import (
	"cmp"
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// KNSO signs for the card set of the session.
func (s *Quorum) KNSO() KNSO { return s.knso }

// Sign signs a statement, writes it, and shows it for the paper record.
func (s *Quorum) Sign(next statement.Statement) (kmdata.Entry, error) {
	if err := s.Next(next); err != nil {
		return kmdata.Entry{}, err
	}
	return s.Append(next, nil)
}

// Next fills in a statement's header.
func (s *Quorum) Next(next statement.Statement) error {
	head, err := s.access.Log.Head()
	if err != nil {
		return err
	}
	s.Chain.Next(next, kmdata.Session{
		Log: head, Break: s.brk, Above: s.above, Program: s.access.Program, Present: s.Cards(),
	})
	return nil
}

// Append signs and writes a statement whose header Next has filled in. second
// is the new KNSO of a card replacement, nil otherwise.
func (s *Quorum) Append(next statement.Statement, second kmdata.Signer) (kmdata.Entry, error) {
	if err := s.dropAnchor(); err != nil {
		return kmdata.Entry{}, err
	}
	entry, err := s.Chain.Append(next, s.knso, second)
	if err != nil {
		return entry, err
	}
	s.brk, s.unanchored = nil, true
	if !s.inRow {
		SayStatement(s.access.UI, entry)
	}
	return entry, nil
}

// InRow runs f, which signs several statements in a row: the last alone is shown
// for the paper record, since it carries the hashes of those before it.
func (s *Quorum) InRow(f func() error) error {
	before := s.Chain.Last().Number()
	s.inRow = true
	err := f()
	s.inRow = false
	if last := s.Chain.Last(); last.Number() != before {
		SayStatement(s.access.UI, last)
	}
	return err
}

// dropAnchor destroys the token's anchor before the first statement of a
// session. A session that is cut short after signing then leaves none, and the
// next one asks for the paper: with the old anchor left, the newest statement
// could be cut off and nothing would show it.
func (s *Quorum) dropAnchor() error {
	if s.unanchored || s.HSM == nil || !Anchors(s.Module.Guard) {
		return nil
	}
	s.unanchored = true // also where the statement is then refused
	return s.HSM.DropAnchors()
}

// SayStatement shows what goes into the paper record.
func SayStatement(ui UI, e kmdata.Entry) {
	ui.Say("%v is signed; write down: %d, %s", e, e.Number(), e.Sum.FirstWords(8))
}

// Finish anchors the newest statement on the token. Call it when everything
// that the session signs is signed; a session that is cut short before leaves
// no anchor, and the next one asks for the paper record.
func (s *Quorum) Finish() error {
	if !s.unanchored || !Anchors(s.Module.Guard) {
		return nil
	}
	if err := s.AsSO(s.SetAnchor); err != nil {
		return exitcode.Hint(fmt.Errorf("%v is signed, but the token does not carry its anchor: %w", s.Chain.Last(), err),
			"byok-offline ceremony seal --card DIR … sets it")
	}
	return nil
}

// SetAnchor is [Quorum.Finish] for an SO session that has other work as well.
func (s *Quorum) SetAnchor() error {
	if !Anchors(s.Module.Guard) {
		return nil
	}
	km, err := s.knso.set.KM.ModuleKey()
	if err != nil {
		return err
	}
	if err := s.HSM.SetAnchor(AnchorOf(s.Chain.Last()).Label(), km); err != nil {
		return err
	}
	s.unanchored = false
	return nil
}

// End is [Quorum.Finish] behind an operation that may have failed half-way:
// what it signed is anchored all the same. It returns err, if that is not nil.
func (s *Quorum) End(err error) error { return cmp.Or(err, s.Finish()) }
