package keys

import (
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/journal"
	"byok/internal/kmdata"
	"byok/internal/session"
)

// Retire destroys a key on the token and records that. Its backup stays:
// whoever has K cards can still bring the key back. The caller has had it
// confirmed.
func (o Operator) Retire(ident string) (*kmdata.Retired, error) {
	k, err := o.Chain.Key(ident)
	if err != nil {
		return nil, err
	}
	if r, err := o.Chain.Retired(ident); err != nil || r != nil {
		return nil, refuseTwice(k, r, err)
	}
	record := &kmdata.Retired{
		Signed:   o.Chain.NewSigned(kmdata.TypeRetired, o.Module.Module),
		Ident:    ident,
		Identity: k.Identity,
	}
	_, err = journal.Run(journal.Of(o.Chain.Dir()), journal.Operation[generationNote]{
		Name: operationName("key-retire", ident),
		Undo: func(generationNote) error { return nil }, // what is destroyed stays so
		Do: func(*generationNote, func() error) (err error) {
			if record.Destroyed, err = o.User.DestroyLabelled(k.Name()); err != nil {
				return err
			}
			return o.Chain.WriteRetired(record, o)
		},
	}, generationNote{k.Name()})
	return record, err
}

func refuseTwice(k *kmdata.Key, r *kmdata.Retired, err error) error {
	if err != nil {
		return err
	}
	return exitcode.Errorf(exitcode.Refused, "%s was retired on %s", k.Name(), r.Created.Format("2006-01-02"))
}

// Freeze makes a key's original not EXTRACTABLE once its backup is proved to
// open: nothing that the operator or the HSM's own cloning does wraps it any
// more, and the backup still serves.
func (s Quorum) Freeze(ident string) (*kmdata.Key, error) {
	k, err := s.Chain.Key(ident)
	if err != nil {
		return nil, err
	}
	if k.Frozen {
		return nil, exitcode.Errorf(exitcode.Refused, "%s is frozen already", k.Name())
	}
	list, err := Restorables(s.Chain, []string{ident})
	if err != nil {
		return nil, err
	}
	_, err = journal.Run(journal.Of(s.Chain.Dir()), journal.Operation[generationNote]{
		Name: operationName("key-freeze", ident),
		Undo: func(generationNote) error { return nil }, // the next run goes on
		Do:   func(*generationNote, func() error) error { return s.AsUser(func() error { return s.freeze(list[0]) }) },
	}, generationNote{k.Name()})
	if err != nil {
		return nil, err
	}
	return s.Chain.Key(ident)
}

// freeze proves the backup, copies the key to one that is not extractable,
// and destroys the original.
func (s Quorum) freeze(r Restorable) error {
	identity := r.Key.Identity
	if err := s.ProveBackup(identity, r.Backup); err != nil {
		return err
	}
	frozen, err := s.frozen(r.Key)
	if err != nil {
		return err
	}
	next := *r.Key
	next.Signed, next.Frozen = s.Chain.NewSigned(kmdata.TypeKey, s.Module.Module), true
	if next.Permissions, err = s.HSM.Permissions(frozen); err != nil {
		return err
	}
	return s.Chain.ReplaceKey(&next, s.KML())
}

// frozen is the key as it is to stay: a copy that is not extractable, in place
// of the original. What an interrupted run left of the two is taken up.
func (s Quorum) frozen(k *kmdata.Key) (frozen hsm.Key, err error) {
	keys, err := s.HSM.FindKeys(k.Name())
	if err != nil {
		return frozen, err
	}
	var originals []hsm.Key
	copied := false
	for _, key := range keys {
		if err := s.HSM.Proves(key, session.Wanted(k.Identity)); err != nil {
			return frozen, err
		}
		extractable, err := s.HSM.Extractable(key)
		if err != nil {
			return frozen, err
		}
		if extractable {
			originals = append(originals, key)
		} else {
			frozen, copied = key, true
		}
	}
	return s.freezeFirst(k, originals, frozen, copied)
}

// freezeFirst copies the first original, unless that is done, and destroys all.
func (s Quorum) freezeFirst(k *kmdata.Key, originals []hsm.Key, frozen hsm.Key, copied bool) (hsm.Key, error) {
	if !copied {
		if len(originals) == 0 {
			return frozen, exitcode.Errorf(exitcode.HSM, "%s is not on %v", k.Name(), s.Token)
		}
		var err error
		if frozen, err = s.HSM.Freeze(originals[0], k.Name()); err != nil {
			return frozen, err
		}
	}
	for _, o := range originals {
		if err := s.HSM.DestroyKey(o); err != nil {
			return frozen, err
		}
	}
	return frozen, nil
}
