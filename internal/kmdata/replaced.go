package kmdata

import (
	"fmt"
	"slices"

	"byok/internal/statement"
)

// originOf returns the newest origin statement of a key, on whatever module.
func (c *Chain) originOf(ident string, key statement.Identity) (*statement.Origin, bool) {
	return c.lastOrigin(ident, func(o *statement.Origin) bool { return o.Identity.Same(key) })
}

// Replaces returns the key that k follows, nil for none: what the statements say
// of k, or, where no quorum has signed that, its file.
func (c *Chain) Replaces(k *Key) *statement.Replaced {
	if r, decided := c.replaced(k.Ident, k.Identity); decided {
		return r
	}
	return k.Replaces
}

// SignedReplaces returns the key that a quorum has signed that k follows, nil for
// none.
func (c *Chain) SignedReplaces(k *Key) *statement.Replaced {
	r, _ := c.replaced(k.Ident, k.Identity)
	return r
}

// replaced returns the key that a key follows, as its origin says, and reports
// whether that decides: a key that the operator made alone, and that a quorum
// restored later, may follow another by its file.
func (c *Chain) replaced(ident string, key statement.Identity) (r *statement.Replaced, decided bool) {
	o, found := c.originOf(ident, key)
	if !found {
		return nil, false
	}
	return o.Replaces, o.Replaces != nil || o.Origin == statement.OriginQuorum
}

// Followers returns the keys that follow the key ident, in the order of their
// names. Keys whose files cannot be read are among them if a statement says so.
func (c *Chain) Followers(ident string) []string {
	good, _ := c.Readable()
	return c.FollowersAmong(good)[ident]
}

// FollowersAmong is [Chain.Followers] of every key, by its ident, where the keys that
// can be read are at hand.
func (c *Chain) FollowersAmong(good []*Key) map[string][]string {
	all := map[string][]string{}
	for _, k := range good {
		if r := c.Replaces(k); r != nil {
			all[r.Ident] = append(all[r.Ident], k.Ident)
		}
	}
	for _, origins := range c.index.origins {
		for _, o := range origins {
			if o.Replaces != nil {
				all[o.Replaces.Ident] = append(all[o.Replaces.Ident], o.Ident)
			}
		}
	}
	for ident, list := range all {
		slices.Sort(list)
		all[ident] = slices.Compact(list)
	}
	return all
}

// Knows reports whether a statement is about the key under this ident.
func (c *Chain) Knows(ident string, key statement.Identity) bool {
	same, _ := c.about(ident, key)
	return same
}

// fitsReplaced holds a key that is followed to the statements about its ident.
// Where there are none, the operator has made it alone.
func (c *Chain) fitsReplaced(r *statement.Replaced) error {
	if r == nil || c.partial {
		return nil
	}
	if same, other := c.about(r.Ident, r.Identity); !same && other {
		return fmt.Errorf("field replaces: the statements know another key as %s", r.Ident)
	}
	return nil
}

// about reports whether statements are about a key under an ident, and whether
// some are about another one.
func (c *Chain) about(ident string, key statement.Identity) (same, other bool) {
	for _, known := range c.index.about[ident] {
		if known.Same(key) {
			same = true
		} else {
			other = true
		}
	}
	return same, other
}
