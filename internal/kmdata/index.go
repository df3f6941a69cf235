package kmdata

import (
	"cmp"
	"slices"

	"byok/internal/statement"
)

// index finds statements without reading the whole chain for each key.
type index struct {
	world   []Entry                         // the statements about the world: world, cards and module
	origins map[string][]*statement.Origin  // by ident, the newest last
	about   map[string][]statement.Identity // by ident, the keys that statements are about
}

// add puts a verified statement at the end of the chain.
func (c *Chain) add(e Entry) {
	c.entries = append(c.entries, e)
	switch s := e.Statement.(type) {
	case *statement.World, *statement.Cards, *statement.Module:
		c.index.world = append(c.index.world, e)
	case *statement.Origin:
		if c.index.origins == nil {
			c.index.origins = map[string][]*statement.Origin{}
		}
		c.index.origins[s.Ident] = append(c.index.origins[s.Ident], s)
	}
	if !c.partial { // a certificate is not asked
		c.addSubjects(e)
	}
}

func (c *Chain) addSubjects(e Entry) {
	if c.index.about == nil {
		c.index.about = map[string][]statement.Identity{}
	}
	for _, s := range subjects(e) {
		known := c.index.about[s.Ident]
		if !slices.ContainsFunc(known, s.Identity.Same) {
			c.index.about[s.Ident] = append(known, s.Identity)
		}
	}
}

// at returns where the statement with the number is, or would be.
func (c *Chain) at(number int) (i int, found bool) {
	return slices.BinarySearchFunc(c.entries, number, func(e Entry, n int) int { return cmp.Compare(e.Number(), n) })
}
