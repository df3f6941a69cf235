package kmdata

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"

	"byok/internal/exitcode"
	"byok/internal/statement"
)

// Subject is a key that a statement is about.
type Subject struct {
	Ident string
	statement.Identity
	By Entry
}

// Named lists every key about which there is a statement, by the newest one, in
// the order of their idents.
func (c *Chain) Named() []Subject {
	newest := map[string]Subject{}
	for _, e := range c.entries {
		for _, s := range subjects(e) {
			newest[s.Ident] = s
		}
	}
	named := make([]Subject, 0, len(newest))
	for _, ident := range slices.Sorted(maps.Keys(newest)) {
		named = append(named, newest[ident])
	}
	return named
}

// subjects are the keys that a statement is about.
func subjects(e Entry) (list []Subject) {
	switch s := e.Statement.(type) {
	case *statement.Origin:
		return []Subject{{s.Ident, s.Identity, e}}
	case *statement.Authorization:
		for _, p := range s.Pairs {
			list = append(list, Subject{p.Ident, p.Identity, e})
		}
	}
	return list
}

// Unfiled lists the keys that a statement names and that have no key file: there
// was one, or a generation before the quorum was cut short. With the file the
// only backup may be gone.
func (c *Chain) Unfiled() ([]Subject, error) {
	var unfiled []Subject
	for _, s := range c.Named() {
		_, err := os.Lstat(c.KeyPath(s.Ident))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			unfiled = append(unfiled, s)
		case err != nil:
			return nil, err
		}
	}
	return unfiled, nil
}

// CheckFiles refuses a folder that lacks the file of a key which a statement
// names. The error has status Check.
func (c *Chain) CheckFiles() error {
	unfiled, err := c.Unfiled()
	if err != nil || len(unfiled) == 0 {
		return err
	}
	return c.Lacks(unfiled[0])
}

// Lacks is the error for a key that has no file.
func (c *Chain) Lacks(s Subject) error {
	return exitcode.Errorf(exitcode.Check, "%v names %s, and its file %s is missing",
		s.By, KeyName(Simple, s.Ident), c.KeyPath(s.Ident)).
		Hint("bring the file back from a copy of kmdata; byok-offline key generate --ident %s --without-quorum records "+
			"it again if the token holds the key, and with cards makes a new one if it does not", s.Ident)
}
