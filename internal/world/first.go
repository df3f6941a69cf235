package world

import (
	"byok/internal/kmdata"
	"byok/internal/quorum"
	"byok/internal/session"
	"byok/internal/statement"
)

// The first statements of a world.

// sign signs the world file and the module statement, and anchors them.
func (c *creation) sign(signer session.KNSO, note *creationNote) error {
	if err := c.signWorld(signer, note); err != nil {
		return err
	}
	chain, err := kmdata.Open(c.Dir)
	if err != nil {
		return err
	}
	c.chain = chain
	return c.join(signer, note.Cards)
}

func (c *creation) signWorld(signer session.KNSO, note *creationNote) error {
	if kmdata.Exists(c.Dir) {
		return nil // an interrupted run signed it
	}
	at, err := c.session(note.Cards)
	if err != nil {
		return err
	}
	w := &statement.World{
		Label: c.Label,
		Suite: c.Suite,
		Guard: c.module.guard,
		Cards: note.Cards,
		KNSO:  note.KNSO,
		KM:    note.KM,
		Own:   note.Own,
	}
	kmdata.First(w, at)
	chain, err := kmdata.Create(c.Dir, w, signer)
	if err != nil {
		return err
	}
	session.SayStatement(c.UI, chain.Last())
	return nil
}

// join signs the module statement and anchors it.
func (c *creation) join(signer session.KNSO, set quorum.CardSet) error {
	at, err := c.session(set)
	if err != nil {
		return err
	}
	joined := c.module.statement(set)
	c.chain.Next(joined, at)
	entry, err := c.chain.Append(joined, signer, nil)
	if err != nil {
		return err
	}
	session.SayStatement(c.UI, entry)
	return c.module.anchor(entry, c.chain.Set())
}

// session is what the first statements say of their session: every card was
// there when they were dealt.
func (c *creation) session(set quorum.CardSet) (kmdata.Session, error) {
	head, err := c.Log.Head()
	present := make([]statement.CardHolder, len(set.Holders))
	for i, holder := range set.Holders {
		present[i] = statement.CardHolder{Index: i + 1, Holder: holder}
	}
	return kmdata.Session{Log: head, Program: c.Program, Present: present}, err
}
