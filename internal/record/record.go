// Package record is the record of a security world as a whole: its ceremony log,
// held to what its statements and its modules have signed.
//
// Use Check wherever a record is judged. Packages ceremony and kmdata read its two
// halves.
package record

import (
	"errors"

	"byok/internal/ceremony"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// Record is a log, and the world that vouches for it.
type Record struct {
	ceremony.Record
	Chain *kmdata.Chain // nil where there is no world
	Seals int           // of modules that a statement certifies
}

// Reading says how a record is read. Where Each takes the events, none are kept, and
// the memory that is needed does not depend on the length of the log.
type Reading struct {
	Each     func(ceremony.Event) // see [ceremony.Reading]
	Progress func(n int64)        // the same
}

// Check reads the log of a kmdata folder and holds it to what its world, if it
// has one, has signed. With an error it returns what can be shown.
func Check(dir string) (Record, error) { return Reading{}.Check(dir) }

// Check is the function [Check] for a reader who says how.
func (how Reading) Check(dir string) (c Record, err error) {
	log := ceremony.Reading{Each: how.Each, Progress: how.Progress}
	if kmdata.Exists(dir) {
		if c.Chain, err = kmdata.Open(dir); err != nil {
			c.Record, _ = log.Check(dir) // what can be shown of it
			return c, err
		}
		log.Heads = anchors(c.Chain)
	}
	log.Seal = c.checkSeal
	c.Record, err = log.Check(dir)
	return c, err
}

// anchors are the heads that the statements of a world carry.
func anchors(chain *kmdata.Chain) []ceremony.Anchored {
	var heads []ceremony.Anchored
	for _, h := range chain.Heads() {
		a := ceremony.Anchored{Statement: h.Statement, Head: ceremony.Head(h.Log)}
		if h.Break != nil {
			a.Break = h.Break.Reason
		}
		heads = append(heads, a)
	}
	return heads
}

// checkSeal checks a seal under the KML that a statement certifies.
func (c *Record) checkSeal(head ceremony.Head, seal ceremony.Seal) error {
	if c.Chain == nil {
		return errors.New("there is no security world here that certifies its module")
	}
	for _, e := range c.Chain.Entries() {
		m, ok := e.Statement.(*statement.Module)
		if !ok || m.Module != seal.Module {
			continue
		}
		if sum, err := m.KMLHash(); err != nil || sum != seal.KML {
			continue
		}
		signer, err := m.Signer()
		if err != nil {
			return err
		}
		c.Seals++
		return keykind.VerifySignature(signer, head.Text(), seal.Signature)
	}
	return errors.New("no statement certifies the module signing key that made it")
}
