package kmdata

import (
	"crypto/ecdsa"
	"fmt"
	"slices"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/quorum"
	"byok/internal/statement"
)

// Entry is one verified statement: what it says, and the file that was signed.
type Entry struct {
	File
	Statement statement.Statement
	Sum       fingerprint.Sum // SHA-256 of Data
}

// Number returns the statement's number.
func (e Entry) Number() int { return statement.HeaderOf(e.Statement).Number }

// Chain is the verified statements of one kmdata folder, in the order of
// their numbers. [Open] and [Create] make one.
type Chain struct {
	dir     string
	entries []Entry
	index   index
	partial bool     // a certificate's: statements are left out
	listed  []string // names in the local folder, sorted; nil: those that are there
}

// Listed is the chain with the names of its key files as they are now, so that the
// files of each of many keys are found without reading the folder again. It does not
// see what is written later: use it where nothing is.
func (c *Chain) Listed() (*Chain, error) {
	listed := *c
	var err error
	listed.listed, err = c.all()
	return &listed, err
}

// Dir is the kmdata folder.
func (c *Chain) Dir() string { return c.dir }

// Entries lists the statements; the first is the world file.
func (c *Chain) Entries() []Entry { return c.entries }

// Last is the newest statement.
func (c *Chain) Last() Entry { return c.entries[len(c.entries)-1] }

// World is the world file.
func (c *Chain) World() *statement.World {
	w, _ := c.entries[0].Statement.(*statement.World) // as Open made sure
	return w
}

// Rehearsal reports whether the world is for rehearsals.
func (c *Chain) Rehearsal() bool { return c.World().Rehearsal }

// Set is a card set with the keys that belong to it.
type Set struct {
	Cards quorum.CardSet
	KNSO  statement.SealedKey
	KM    statement.SealedKey
	PINs  []statement.SealedPIN // of a replacement: what the modules had when it was signed
	since int                   // number of the statement that brought it into force
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
	for _, e := range c.index.world {
		if s, ok := e.Statement.(*statement.Cards); ok {
			sets = append(sets, Set{Cards: s.Cards, KNSO: s.KNSO, KM: s.KM, PINs: s.PINs, since: s.Number})
		}
	}
	return sets
}

// HKNSO names the KNSO in force.
func (c *Chain) HKNSO() fingerprint.Sum { return c.Set().Cards.HKNSO }

// FirstHKNSO names the world: the KNSO of its first card set.
func (c *Chain) FirstHKNSO() fingerprint.Sum { return c.World().HKNSO }

// signer returns the KNSO that must have signed a statement: the one in force,
// and in the world file its own.
func (c *Chain) signer(s statement.Statement) (*ecdsa.PublicKey, error) {
	if w, ok := s.(*statement.World); ok {
		return w.KNSO.Signer()
	}
	return c.Set().KNSO.Signer()
}

// Modules lists the newest statement of each module, in the order in which
// the modules joined, without those that were struck off.
func (c *Chain) Modules() []*statement.Module {
	var order []string
	newest := map[string]*statement.Module{}
	for _, e := range c.index.world {
		m, ok := e.Statement.(*statement.Module)
		if !ok {
			continue
		}
		if newest[m.Module] == nil {
			order = append(order, m.Module)
		}
		newest[m.Module] = m
	}
	var modules []*statement.Module
	for _, id := range order {
		if newest[id].StruckOff == "" {
			modules = append(modules, newest[id])
		}
	}
	return modules
}

// Module returns the newest statement of a module of the world. One that was
// struck off has status Refused, and one that no statement names Check.
func (c *Chain) Module(id string) (*statement.Module, error) {
	m, number := c.newest(id)
	switch {
	case m == nil:
		return nil, exitcode.Errorf(exitcode.Check, "no statement of this world names the module %.32q", id)
	case m.StruckOff != "":
		return nil, exitcode.Errorf(exitcode.Refused, "statement %d struck the module %s off: %s", number, id, m.StruckOff)
	}
	return m, nil
}

// newest returns the newest statement of a module and its number, nil without
// one.
func (c *Chain) newest(id string) (*statement.Module, int) {
	for _, e := range slices.Backward(c.index.world) {
		if m, ok := e.Statement.(*statement.Module); ok && m.Module == id {
			return m, m.Number
		}
	}
	return nil, 0
}

// Behind lists the modules that a card replacement did not reach yet. They
// are open to the old cards, and take no transfer until it has.
func (c *Chain) Behind() []*statement.Module {
	set := c.Set().Cards.Number
	var behind []*statement.Module
	for _, m := range c.Modules() {
		if m.CardSet != set {
			behind = append(behind, m)
		}
	}
	return behind
}

// Origin returns the newest origin statement of ident, whatever module it
// names. It counts for the key that it names, and for no other: compare that.
func (c *Chain) Origin(ident string) (*statement.Origin, bool) {
	return c.lastOrigin(ident, func(*statement.Origin) bool { return true })
}

// OriginOn returns the newest origin statement of ident on a module. It counts
// for the key that it names, and for no other: compare that.
func (c *Chain) OriginOn(ident, module string) (*statement.Origin, bool) {
	return c.lastOrigin(ident, func(o *statement.Origin) bool { return o.Module == module })
}

// lastOrigin returns the newest origin statement of ident that matches.
func (c *Chain) lastOrigin(ident string, match func(*statement.Origin) bool) (*statement.Origin, bool) {
	for _, o := range slices.Backward(c.index.origins[ident]) {
		if match(o) {
			return o, true
		}
	}
	return nil, false
}

// OriginOf says what is known of the origin of a key on a module: what its
// newest statement says, if that is of this ident, this key and this module.
// Everything else is unproved.
func (c *Chain) OriginOf(ident string, key statement.Identity, module string) (origin string, restored bool) {
	o, found := c.OriginOn(ident, module)
	if !found || !o.Identity.Same(key) {
		return statement.OriginUnproved, false
	}
	return o.Origin, o.Restored
}

// OriginOfRestored says what origin a key has once its backup is restored: that
// of the newest statement of this ident and this key, on whatever module.
// Without one it is unproved.
func (c *Chain) OriginOfRestored(ident string, key statement.Identity) string {
	o, found := c.originOf(ident, key)
	if !found {
		return statement.OriginUnproved
	}
	return o.Origin
}

// Authorization returns the authorization with the number.
func (c *Chain) Authorization(number int) (Entry, *statement.Authorization, error) {
	if i, found := c.at(number); found {
		if a, ok := c.entries[i].Statement.(*statement.Authorization); ok {
			return c.entries[i], a, nil
		}
	}
	return Entry{}, nil, exitcode.Errorf(exitcode.Check, "statement %d is not an authorization of this world", number)
}

// Heads lists what each statement says of the ceremony log.
func (c *Chain) Heads() []Head {
	heads := make([]Head, 0, len(c.entries))
	for _, e := range c.entries {
		h := statement.HeaderOf(e.Statement)
		heads = append(heads, Head{Statement: h.Number, Log: h.Log, Break: h.Break})
	}
	return heads
}

// Head is what a statement says of the ceremony log.
type Head struct {
	Statement int
	Log       statement.LogHead
	Break     *statement.Break
}

// String names a statement for people: "statement 7 (authorization)".
func (e Entry) String() string {
	return fmt.Sprintf("statement %d (%s)", e.Number(), statement.Name(e.Statement))
}
