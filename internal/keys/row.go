package keys

import (
	"fmt"

	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// GenerateAll is Generate for several keys in one session. Each is whole before
// the next begins, and made is called then; an error ends the list, and leaves
// those before it.
func (s Quorum) GenerateAll(list []Generation, made func(Generation)) error {
	if err := s.Current(); err != nil {
		return err
	}
	all := func() error { return s.generateAll(list, made) }
	return s.End(s.InRow(func() error { return s.AsUser(all) })) // one login: the pair that opens backups ends with it
}

func (s Quorum) generateAll(list []Generation, made func(Generation)) error {
	row, err := s.newRow(list)
	if err != nil {
		return err
	}
	defer row.ahead.close()
	in := Quorum{Quorum: s.Quorum, row: row}
	for i, g := range list {
		row.at = i
		if err := in.make(g); err != nil {
			return fmt.Errorf("%s: %w", g.Ident, err)
		}
		made(g)
	}
	return nil
}

// row is several generations in one login; docs/security/threat-model.md says what is tried once.
type row struct {
	at, of int             // the key that is made, and how many there are
	taken  map[string]bool // labels of the token's objects as the row began
	tried  map[keykind.Kind]bool
	ahead  *ahead // nil: keys are generated when it is their turn
}

func (s Quorum) newRow(list []Generation) (*row, error) {
	items, err := s.HSM.Inventory()
	if err != nil {
		return nil, err
	}
	r := &row{of: len(list), taken: map[string]bool{}, tried: map[keykind.Kind]bool{}}
	for _, i := range items {
		r.taken[i.Label] = true
	}
	r.ahead, err = s.generateAhead(list)
	return r, err
}

// fresh is the new key of a generation: a session object.
func (s Quorum) fresh(g Generation) (hsm.Key, error) {
	if s.row != nil && s.row.ahead != nil {
		return s.row.ahead.take(s.row.at)
	}
	return s.HSM.Generate(g.Spec, kmdata.KeyName(kmdata.Simple, g.Ident), hsm.SessionObject)
}

// absent refuses a token that holds an object with the label.
func (s Quorum) absent(label string) error {
	if s.row == nil {
		return absent(s.HSM, label)
	}
	if s.row.taken[label] {
		return heldAlready(s.HSM, label)
	}
	return nil
}

// exactlyTrusted holds the token's trusted objects to the world's: in a row before
// and after the first key, every fiftieth, and the last.
func (s Quorum) exactlyTrusted() error {
	if r := s.row; r != nil && r.at%statement.MaxPairs != 0 && r.at != r.of-1 {
		return nil
	}
	return s.ExactlyTrusted()
}

// probe tries to reveal a new key. What a module does with a template it does with
// the next: after the first key of a kind it is only tried to wrap the others by
// the mechanisms of backups and packages.
func (s Quorum) probe(k hsm.Key) error {
	if r := s.row; r != nil && !s.Module.Traits().Rights {
		if r.tried[k.Kind] {
			return s.HSM.ProbeWrapWithTrustedAgain(k)
		}
		r.tried[k.Kind] = true
	}
	return s.HSM.ProbeKey(k)
}

// finders find keys by label, and found keys again: several with one look at the
// token, as long as that does not show many more objects than are looked for.
func (s Quorum) finders(n int) (find func(string) (hsm.Key, error), again func(hsm.Key) (hsm.Key, error), err error) {
	names, err := s.Chain.KeyNames()
	if err != nil || n == 1 || len(names) > muchMore*n {
		return s.HSM.FindKey, s.HSM.FindAgain, err
	}
	items, err := s.HSM.Inventory()
	find = func(label string) (hsm.Key, error) { return s.HSM.KeyIn(items, label) }
	again = func(k hsm.Key) (hsm.Key, error) { return s.HSM.AgainIn(items, k) }
	return find, again, err
}

const muchMore = 16 // keys on the token for each that is looked for
