package world

import (
	"encoding/base64"
	"errors"
	"slices"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/kmdata"
)

// unwrap restores a backup to a session object, tightened and read back. The
// first part is opened by KM; the value of the key itself is only ever on the
// token.
func (s *Session) unwrap(identity kmdata.Identity, backup []byte) (hsm.Key, error) {
	return s.unwrapWith(s.knso, identity, backup)
}

// unwrapWith is unwrap with the KM of a given card set.
func (s *Session) unwrapWith(k knso, identity kmdata.Identity, backup []byte) (hsm.Key, error) {
	kind, err := identity.Kind()
	if err != nil {
		return hsm.Key{}, err
	}
	if len(backup) <= oaepSize {
		return hsm.Key{}, exitcode.Errorf(exitcode.Check, "the backup does not open with these cards")
	}
	return s.token.Restore(kind, identity.Public(), k.reseal(backup[:oaepSize]), backup[oaepSize:])
}

// oaepSize is the length of a backup's first part: KM's modulus.
const oaepSize = kmdata.KMBits / 8

// wanted is a recorded identity in the token's terms.
func wanted(i kmdata.Identity) hsm.Identity {
	return hsm.Identity{Public: i.Public(), CheckValue: i.CheckBytes()}
}

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
		return Restorable{}, exitcode.Errorf(exitcode.Refused, "%s: its backup is under card set %d, and set %d is in force", k.Name(), k.CardSet, set).
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
func (s *Session) Restore(list []Restorable) error {
	for _, r := range list {
		if err := s.restore(r); err != nil {
			return err
		}
	}
	return s.Finish()
}

// Missing drops the keys that the token holds.
func (s *Session) Missing(list []Restorable) (missing []Restorable, err error) {
	err = s.asUser(func() error {
		items, err := s.token.Inventory()
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

func (s *Session) restore(r Restorable) error {
	label := r.Key.Name()
	before, err := run(journal(s.Chain.Dir()), operation[generationNote]{
		name:  operationName("key-restore", r.Key.Ident),
		done:  func(generationNote) (bool, error) { return s.restoredBefore(r) },
		undo:  func(n generationNote) error { return s.asUser(func() error { return s.destroy(n.Label) }) },
		check: func() error { return s.asUser(func() error { return absent(s.token, label) }) },
		do:    func(*generationNote, func() error) error { return s.asUser(func() error { return s.bringBack(r) }) },
	}, generationNote{label})
	if err != nil {
		return err
	}
	if before {
		s.access.UI.Say("%s was restored by the interrupted run", label)
	}
	return s.Chain.Unretire(r.Key.Ident)
}

// restoredBefore reports whether the key stands on the token as its statement
// for this module says.
func (s *Session) restoredBefore(r Restorable) (there bool, err error) {
	o, found := s.Chain.Origin(r.Key.Ident)
	if !found || !o.Restored || o.Module != s.Module.Module || !o.Identity.Same(r.Key.Identity) {
		return false, nil
	}
	err = s.asUser(func() error {
		key, err := s.token.FindKey(r.Key.Name())
		if err == nil {
			err = s.token.Proves(key, wanted(r.Key.Identity))
		}
		there = err == nil
		if errors.Is(err, hsm.ErrNotFound) {
			return nil
		}
		return err
	})
	return there, err
}

func (s *Session) bringBack(r Restorable) error {
	label := r.Key.Name()
	key, err := s.unwrap(r.Key.Identity, r.Backup)
	if err != nil {
		return err
	}
	if err := s.token.Proves(key, wanted(r.Key.Identity)); err != nil {
		return exitcode.Hint(err, "the backup holds another key than %s says: keep the file for the auditor", s.Chain.KeyPath(r.Key.Ident))
	}
	if err := s.token.ProbeKey(key); err != nil {
		return err
	}
	attributes, err := s.token.Permissions(key)
	if err != nil {
		return err
	}
	if err := s.signOrigin(r.Key, r.Origin, true, r.Backup, attributes); err != nil {
		return err
	}
	if _, err := s.token.Persist(key, label); err != nil {
		return err
	}
	s.access.UI.Say("%s restored; origin %s", label, kmdata.OriginText(r.Origin, true))
	return nil
}
