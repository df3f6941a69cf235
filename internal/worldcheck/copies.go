package worldcheck

import (
	"os"
	"path/filepath"

	"byok/internal/kmdata"
	"byok/internal/statement"
)

// place is where a wrapped copy belongs: a key of the world, under a name in a
// vault.
type place struct{ ident, vault, name string }

func placeOf(p statement.Pair) place { return place{p.Ident, p.Target.Vault, p.Target.Name} }

// copies warns of what the cards in force approved and no wrapped copy is left
// of: a command that is cut short behind the statement leaves that. A later copy
// for the same name in the vault takes its place.
func (c *checker) copies() {
	entries, here := c.Chain.Entries(), map[place]bool{}
	for i := len(entries) - 1; i >= 0 && entries[i].Number() >= c.Chain.Set().Since(); i-- {
		a, ok := entries[i].Statement.(*statement.Authorization)
		if !ok {
			continue
		}
		for index, p := range a.Pairs {
			c.wrapped(entries[i], kmdata.TransferName(p.Ident, a.Number, index), placeOf(p), here)
		}
	}
}

// wrapped looks for one copy, unless a later one is here or its key was retired.
func (c *checker) wrapped(by kmdata.Entry, name string, at place, here map[place]bool) {
	if retired, err := c.Chain.Retired(at.ident); here[at] || retired != nil || err != nil {
		return // a record that does not verify has a row of its own
	}
	here[at] = true
	if _, err := os.Lstat(filepath.Join(kmdata.Local(c.Chain.Dir()), name)); os.IsNotExist(err) {
		c.warn(name, "%v approved %s as %s in %s, and its wrapped copy is not here: run byok-offline acl modify again",
			by, kmdata.KeyName(kmdata.Simple, at.ident), at.name, at.vault)
	}
}
