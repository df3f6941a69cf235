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
	"byok/internal/statement"
)

// Restorable is what is known of a key before it is restored.
type Restorable struct {
	Key    *kmdata.Key
	Origin string // once it is restored
	Backup []byte
}

// Restorables reads each key's backup and says what restoring it will give: the
// origin of the newest statement of this ident and this key, and unproved where
// there is none, since KM is public and anyone can make a backup of a key of
// their own.
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

// Idents lists every key of the world.
func Idents(chain *kmdata.Chain) ([]string, error) {
	files, err := chain.Keys()
	if err != nil {
		return nil, err
	}
	idents := make([]string, 0, len(files))
	for _, k := range files {
		idents = append(idents, k.Ident)
	}
	return idents, nil
}

// Files lists the key files of what can be restored.
func Files(list []Restorable) []*kmdata.Key {
	files := make([]*kmdata.Key, 0, len(list))
	for _, r := range list {
		files = append(files, r.Key)
	}
	return files
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
	r := Restorable{Key: k, Origin: chain.OriginOfRestored(ident, k.Identity)}
	if r.Backup, err = base64.StdEncoding.DecodeString(k.Backup); err != nil {
		return r, exitcode.Errorf(exitcode.Check, "%s: field backup: expected base64", chain.KeyPath(ident))
	}
	return r, nil
}

// Restore brings keys back to the token from their backups. Each is a session
// object first, proves that it is the key, and is kept once its origin, marked
// restored, is signed.
func (s Quorum) Restore(list []Restorable) error {
	if err := s.Current(); err != nil {
		return err
	}
	for _, r := range list {
		if err := s.restore(r); err != nil {
			return s.End(err)
		}
	}
	return s.Finish()
}

// Missing drops the keys that the token holds, and whose restoring was not cut
// short.
func (s Quorum) Missing(list []Restorable) (missing []Restorable, err error) {
	var items []hsm.Item
	err = s.AsUser(func() (err error) {
		items, err = s.HSM.Inventory()
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		interrupted, err := pending[note](s.Chain, restoreVerb, r.Key.Ident)
		if err != nil {
			return nil, err
		}
		if interrupted || !slices.ContainsFunc(items, r.isOn) {
			missing = append(missing, r)
		}
	}
	return missing, nil
}

// isOn reports whether an object is the key, or its private half: a public half
// alone is nothing to work with.
func (r Restorable) isOn(i hsm.Item) bool {
	return i.Label == r.Key.Name() && (i.Class == hsm.PrivateKey || i.Class == hsm.SecretKey)
}

func (s Quorum) restore(r Restorable) error {
	label := r.Key.Name()
	before, err := journal.Run(journal.Of(s.Chain.Dir()), journal.Operation[note]{
		Name:  operationName(restoreVerb, r.Key.Ident),
		Done:  func(note) (bool, error) { return s.restoredBefore(r) },
		Keep:  func(note) bool { return s.holds(label, r.Key.Identity) }, // never destroy what proves to be the key
		Undo:  func(note) error { return s.AsUser(func() error { return s.destroy(label) }) },
		Check: func() error { return s.AsUser(func() error { return s.gone(r) }) },
		Do:    func(*note, func() error) error { return s.AsUser(func() error { return s.bringBack(r) }) },
	}, note{label})
	if before {
		s.UI().Say("%s was restored by the interrupted run", label)
	}
	return err
}

// holds reports whether the token holds a key that proves to be the one known
// by identity.
func (s Quorum) holds(label string, identity statement.Identity) bool {
	return s.AsUser(func() error {
		key, err := s.HSM.FindKey(label)
		if err != nil {
			return err
		}
		return s.HSM.Proves(key, session.Wanted(identity))
	}) == nil
}

// gone refuses to restore a key that the token holds.
func (s Quorum) gone(r Restorable) error {
	_, err := s.HSM.FindKey(r.Key.Name())
	if errors.Is(err, hsm.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return exitcode.Errorf(exitcode.Refused, "%s is on %v already", r.Key.Name(), s.Token).
		Hint("byok-offline key retire --ident %s destroys it first", r.Key.Ident)
}

// restoredBefore reports whether the key is on the token as its statement for
// this module says, and then settles its files. What does not prove itself is
// what an interrupted run left, and goes.
func (s Quorum) restoredBefore(r Restorable) (bool, error) {
	o, found := s.Chain.OriginOn(r.Key.Ident, s.Module.Module)
	if !found || !o.Restored || !o.Identity.Same(r.Key.Identity) {
		return false, nil
	}
	there := false
	err := s.AsUser(func() error {
		key, err := s.HSM.FindKey(r.Key.Name())
		if err != nil || s.HSM.Proves(key, session.Wanted(r.Key.Identity)) != nil {
			return nil
		}
		there = true
		return s.settle(r.Key)
	})
	return there, err
}

// settle says in a key's files that it is back, and can be wrapped.
func (s Quorum) settle(k *kmdata.Key) error {
	if k.Frozen {
		next := *k
		next.Signed, next.Frozen = s.Chain.NewSigned(kmdata.TypeKey, s.Module.Module), false
		if err := s.Chain.ReplaceKey(&next, s.KML()); err != nil {
			return err
		}
	}
	return s.Chain.Unretire(k.Ident)
}

func (s Quorum) bringBack(r Restorable) error {
	if err := s.ExactlyTrusted(); err != nil {
		return err
	}
	label := r.Key.Name()
	key, err := s.Unwrap(r.Key.Identity, r.Backup)
	if err != nil {
		return err
	}
	if err := s.HSM.Proves(key, session.Wanted(r.Key.Identity)); err != nil {
		return exitcode.Hint(err, "the backup holds a different key than %s says: keep the file for the auditor",
			s.Chain.KeyPath(r.Key.Ident))
	}
	if err := s.HSM.ProbeKey(key); err != nil {
		return err
	}
	attributes, err := s.HSM.Permissions(key)
	if err != nil {
		return err
	}
	err = s.signOrigin(r.Key, statement.Origin{
		Origin: r.Origin, Restored: true, Replaces: s.Chain.SignedReplaces(r.Key),
		Backup: fingerprint.Of(r.Backup), Attributes: attributes,
	})
	if err != nil {
		return err
	}
	if err := s.destroy(label); err != nil { // a public half, whose private one was lost
		return err
	}
	if _, err := s.Keep(key, r.Key.Identity, r.Backup, label); err != nil {
		return err
	}
	s.UI().Say("%s restored; origin %s", label, statement.OriginText(r.Origin, true))
	return s.settle(r.Key)
}
