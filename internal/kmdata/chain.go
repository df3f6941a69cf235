package kmdata

import (
	"crypto/ecdsa"
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/quorum"
)

// Entry is one verified statement: what it says, the bytes that were signed,
// and the signature of the KNSO that was in force.
type Entry struct {
	Path      string
	Statement Statement
	Data      []byte
	Signature []byte
	// Second is the signature of the new KNSO over a card replacement.
	Second []byte
	Sum    fingerprint.Sum // SHA-256 of Data
}

// Number returns the statement's number.
func (e Entry) Number() int { return e.Statement.header().Number }

// Chain is the verified statements of one kmdata folder, in the order of
// their numbers.
type Chain struct {
	dir     string
	entries []Entry
}

// Dir is the kmdata folder.
func (c *Chain) Dir() string { return c.dir }

// Entries lists the statements; the first is the world file.
func (c *Chain) Entries() []Entry { return c.entries }

// Last is the newest statement.
func (c *Chain) Last() Entry { return c.entries[len(c.entries)-1] }

// World is the world file.
func (c *Chain) World() *World { return c.entries[0].Statement.(*World) }

// Rehearsal reports whether the world is for rehearsals.
func (c *Chain) Rehearsal() bool { return c.World().Rehearsal }

// Set is a card set with the keys that belong to it.
type Set struct {
	Cards quorum.CardSet
	KNSO  SealedKey
	KM    SealedKey
	PINs  []SealedPIN // of a replacement: what the modules had when it was signed
	since int         // number of the statement that brought it into force
}

// Since is the number of the statement that brought the set into force.
func (s Set) Since() int { return s.since }

// Set is the card set in force.
func (c *Chain) Set() Set {
	sets := c.Sets()
	return sets[len(sets)-1]
}

// Sets lists every card set of the world, oldest first.
func (c *Chain) Sets() []Set {
	w := c.World()
	sets := []Set{{Cards: w.Cards, KNSO: w.KNSO, KM: w.KM, since: 1}}
	for _, e := range c.entries {
		if s, ok := e.Statement.(*Cards); ok {
			sets = append(sets, Set{Cards: s.Cards, KNSO: s.KNSO, KM: s.KM, PINs: s.PINs, since: s.Number})
		}
	}
	return sets
}

// HKNSO names the KNSO in force.
func (c *Chain) HKNSO() fingerprint.Sum { return c.Set().Cards.HKNSO }

// FirstHKNSO names the world: the KNSO of its first card set.
func (c *Chain) FirstHKNSO() fingerprint.Sum { return c.World().HKNSO }

// signer returns the KNSO in force.
func (c *Chain) signer() (*ecdsa.PublicKey, error) { return c.Set().KNSO.Signer() }

// Modules lists the newest statement of each module, in the order in which
// the modules joined, without those that were struck off.
func (c *Chain) Modules() []*Module {
	var order []string
	newest := map[string]*Module{}
	for _, e := range c.entries {
		m, ok := e.Statement.(*Module)
		if !ok {
			continue
		}
		if newest[m.Module] == nil {
			order = append(order, m.Module)
		}
		newest[m.Module] = m
	}
	var modules []*Module
	for _, id := range order {
		if newest[id].StruckOff == "" {
			modules = append(modules, newest[id])
		}
	}
	return modules
}

// Module returns the newest statement of a module of the world.
func (c *Chain) Module(id string) (*Module, error) {
	for _, m := range c.Modules() {
		if m.Module == id {
			return m, nil
		}
	}
	return nil, exitcode.Errorf(exitcode.Check, "module %.32q is not in this world's statements, or was struck off", id)
}

// Behind lists the modules that a card replacement did not reach yet. They
// are open to the old cards, and take no transfer until it has.
func (c *Chain) Behind() []*Module {
	set := c.Set().Cards.Number
	var behind []*Module
	for _, m := range c.Modules() {
		if m.CardSet != set {
			behind = append(behind, m)
		}
	}
	return behind
}

// Origin returns the newest origin statement of ident. It counts for the key
// and the module that it names, and for no other: compare both.
func (c *Chain) Origin(ident string) (*Origin, bool) {
	for i := len(c.entries) - 1; i >= 0; i-- {
		if o, ok := c.entries[i].Statement.(*Origin); ok && o.Ident == ident {
			return o, true
		}
	}
	return nil, false
}

// OriginOf says what is known of the origin of a key on a module: what its
// newest statement says, if that is of this ident, this key and this module.
// Everything else is unproved.
func (c *Chain) OriginOf(ident string, key Identity, module string) (origin string, restored bool) {
	o, found := c.Origin(ident)
	if !found || !o.Identity.Same(key) || o.Module != module {
		return OriginUnproved, false
	}
	return o.Origin, o.Restored
}

// Authorization returns the authorization with the number.
func (c *Chain) Authorization(number int) (Entry, *Authorization, error) {
	for _, e := range c.entries {
		if a, ok := e.Statement.(*Authorization); ok && a.Number == number {
			return e, a, nil
		}
	}
	return Entry{}, nil, exitcode.Errorf(exitcode.Check, "statement %d is not an authorization of this world", number)
}

// Heads lists what each statement says of the ceremony log.
func (c *Chain) Heads() []Head {
	heads := make([]Head, 0, len(c.entries))
	for _, e := range c.entries {
		h := e.Statement.header()
		heads = append(heads, Head{Statement: h.Number, Log: h.Log, Break: h.Break})
	}
	return heads
}

// Head is what a statement says of the ceremony log.
type Head struct {
	Statement int
	Log       LogHead
	Break     *Break
}

// Certifies lists the statements from which a stranger who knows an hknso of
// the world verifies what the module signs: the world file, every card
// replacement, and the module's newest statement.
func (c *Chain) Certifies(module string) ([]Entry, error) {
	newest, err := c.Module(module)
	if err != nil {
		return nil, err
	}
	list := []Entry{c.entries[0]}
	for _, e := range c.entries[1:] {
		_, replaces := e.Statement.(*Cards)
		if replaces || e.Statement == Statement(newest) {
			list = append(list, e)
		}
	}
	return list, nil
}

// String names a statement for people: "statement 7 (authorization)".
func (e Entry) String() string {
	return fmt.Sprintf("statement %d (%s)", e.Number(), kinds()[e.Statement.header().Type].name)
}
