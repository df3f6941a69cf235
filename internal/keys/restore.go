package keys

import (
	"encoding/base64"
	"errors"
	"slices"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/journal"
	"byok/internal/kmdata"
	"byok/internal/session"
)

// Restorable is what is known of a key before it is restored.
type Restorable struct {
	Key      *kmdata.Key
	Origin   string // what its newest statement gives it
	Restored bool
	Backup   []byte
}

// Restorables reads each key's backup and says what restoring it will give: the
// origin of the newest statement of this ident, this key and this backup, and
// unproved where there is none, since KM is public and anyone can make a
// backup of a key of their own.
func Restorables(chain *kmdata.Chain, idents []string) ([]Restorable, error) {
	list := make([]Restorable, 0, len(idents))
	for _, ident := range idents {
		r, err := restorable(chain, ident)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

func restorable(chain *kmdata.Chain, ident string) (Restorable, error) {
	k, err := chain.Key(ident)
	if err != nil {
		return Restorable{}, err
	}
	if set := chain.Set().Cards.Number; k.CardSet != set {
		return Restorable{}, exitcode.Errorf(exitcode.Refused, "%s: its backup is under card set %d, and set %d is in force",
			k.Name(), k.CardSet, set).
			Hint("byok-offline world replace-cards finishes the replacement and wraps it again")
	}
	r := Restorable{Key: k, Origin: kmdata.OriginUnproved}
	if r.Backup, err = base64.StdEncoding.DecodeString(k.Backup); err != nil {
		return r, exitcode.Errorf(exitcode.Check, "%s: field backup: base64 is expected", chain.KeyPath(ident))
	}
	o, found := chain.Origin(ident)
	if found && o.Identity.Same(k.Identity) && o.Backup == fingerprint.Of(r.Backup) {
		r.Origin = o.Origin
	}
	return r, nil
}

// Restore brings keys back to the token from their backups. Each is a session
// object first, proves that it is the key, and is kept once its origin, marked
// restored, is signed.
func (s Quorum) Restore(list []Restorable) error {
	for _, r := range list {
		if err := s.restore(r); err != nil {
			return err
		}
	}
	return s.Finish()
}

// Missing drops the keys that the token holds.
func (s Quorum) Missing(list []Restorable) (missing []Restorable, err error) {
	err = s.AsUser(func() error {
		items, err := s.HSM.Inventory()
		if err != nil {
			return err
		}
		for _, r := range list {
			if !slices.ContainsFunc(items, func(i hsm.Item) bool { return i.Label == r.Key.Name() }) {
				missing = append(missing, r)
			}
		}
		return nil
	})
	return missing, err
}

func (s Quorum) restore(r Restorable) error {
	label := r.Key.Name()
	before, err := journal.Run(journal.Of(s.Chain.Dir()), journal.Operation[generationNote]{
		Name:  operationName("key-restore", r.Key.Ident),
		Done:  func(generationNote) (bool, error) { return s.restoredBefore(r) },
		Undo:  func(n generationNote) error { return s.AsUser(func() error { return s.destroy(n.Label) }) },
		Check: func() error { return s.AsUser(func() error { return absent(s.HSM, label) }) },
		Do:    func(*generationNote, func() error) error { return s.AsUser(func() error { return s.bringBack(r) }) },
	}, generationNote{label})
	if err != nil {
		return err
	}
	if before {
		s.UI().Say("%s was restored by the interrupted run", label)
	}
	return s.Chain.Unretire(r.Key.Ident)
}

// restoredBefore reports whether the key stands on the token as its statement
// for this module says.
func (s Quorum) restoredBefore(r Restorable) (there bool, err error) {
	o, found := s.Chain.Origin(r.Key.Ident)
	if !found || !o.Restored || o.Module != s.Module.Module || !o.Identity.Same(r.Key.Identity) {
		return false, nil
	}
	err = s.AsUser(func() error {
		key, err := s.HSM.FindKey(r.Key.Name())
		if err == nil {
			err = s.HSM.Proves(key, session.Wanted(r.Key.Identity))
		}
		there = err == nil
		if errors.Is(err, hsm.ErrNotFound) {
			return nil
		}
		return err
	})
	return there, err
}

func (s Quorum) bringBack(r Restorable) error {
	label := r.Key.Name()
	key, err := s.Unwrap(r.Key.Identity, r.Backup)
	if err != nil {
		return err
	}
	if err := s.HSM.Proves(key, session.Wanted(r.Key.Identity)); err != nil {
		return exitcode.Hint(
			err,
			"the backup holds another key than %s says: keep the file for the auditor",
			s.Chain.KeyPath(r.Key.Ident),
		)
	}
	if err := s.HSM.ProbeKey(key); err != nil {
		return err
	}
	attributes, err := s.HSM.Permissions(key)
	if err != nil {
		return err
	}
	if err := s.signOrigin(r.Key, r.Origin, true, r.Backup, attributes); err != nil {
		return err
	}
	if _, err := s.HSM.Persist(key, label); err != nil {
		return err
	}
	s.UI().Say("%s restored; origin %s", label, kmdata.OriginText(r.Origin, true))
	return nil
}
