package keys

import (
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/journal"
	"byok/internal/kmdata"
	"byok/internal/session"
)

// retirement is the journal's note: how many objects of the key were destroyed.
type retirement struct {
	Label     string `json:"label"`
	Destroyed int    `json:"destroyed"`
}

// retirer destroys keys on a module with the user logged in.
type retirer struct {
	*session.Station
	token  *hsm.Session
	signer kmdata.Signer // KML
}

// Retire destroys a key on the token and records that. Its backup stays:
// whoever has K cards can still bring the key back. The caller has had it
// confirmed.
func (o Operator) Retire(ident string) (*kmdata.Retired, error) {
	return retirer{o.Station, o.User.Session, o}.destroy(ident)
}

func (o retirer) destroy(ident string) (*kmdata.Retired, error) {
	k, err := Retirable(o.Chain, ident)
	if err != nil {
		return nil, err
	}
	name := operationName(retireVerb, ident)
	begun, _, err := journal.Pending[retirement](journal.Of(o.Chain.Dir()), name)
	if err != nil {
		return nil, err
	}
	before, err := o.Chain.Retired(ident)
	if err != nil {
		return nil, err
	}
	if err := noCopies(o.Station, o.token); err != nil {
		return nil, err
	}
	_, err = journal.Run(journal.Of(o.Chain.Dir()), journal.Operation[retirement]{
		Name: name,
		Done: func(retirement) (bool, error) { return before != nil, nil },
		Keep: func(retirement) bool { return true }, // what is destroyed stays so
		Do:   func(n *retirement, save func() error) error { return o.retire(k, n, save) },
	}, retirement{k.Name(), begun.Destroyed})
	if err != nil {
		return nil, err
	}
	return o.Chain.Retired(ident)
}

func (o retirer) retire(k *kmdata.Key, n *retirement, save func() error) error {
	destroyed, err := o.token.DestroyLabelled(k.Name())
	if err != nil {
		return err
	}
	n.Destroyed += destroyed
	if err := save(); err != nil {
		return err
	}
	return o.Chain.WriteRetired(&kmdata.Retired{
		Signed:    o.Chain.NewSigned(kmdata.TypeRetired, o.Module.Module),
		Ident:     k.Ident,
		Identity:  k.Identity,
		Destroyed: n.Destroyed,
	}, o.signer)
}

// freezing is the journal's note: whether the copy is there that is to stay.
type freezing struct {
	Label  string `json:"label"`
	Copied bool   `json:"copied"`
}

// Freeze makes a key's original not EXTRACTABLE once its backup is proved to
// open: nothing that the operator or the HSM's own cloning does wraps it any
// more, and the backup still serves.
func (s Quorum) Freeze(ident string) (*kmdata.Key, error) {
	if err := s.Current(); err != nil {
		return nil, err
	}
	if _, err := Freezable(s.Chain, ident); err != nil {
		return nil, err
	}
	list, err := Restorables(s.Chain, []string{ident})
	if err != nil {
		return nil, err
	}
	k, name := list[0].Key, operationName(freezeVerb, ident)
	begun, _, err := journal.Pending[freezing](journal.Of(s.Chain.Dir()), name)
	if err != nil {
		return nil, err
	}
	_, err = journal.Run(journal.Of(s.Chain.Dir()), journal.Operation[freezing]{
		Name: name,
		Done: func(freezing) (bool, error) { return k.Frozen, nil },
		Keep: func(n freezing) bool { return n.Copied }, // the original may be gone
		Do: func(n *freezing, save func() error) error {
			return s.AsUser(func() error { return s.freeze(list[0], n, save) })
		},
	}, freezing{k.Name(), begun.Copied})
	if err := s.End(err); err != nil {
		return nil, err
	}
	return s.Chain.Key(ident)
}

// freeze proves the backup, copies the key to one that is not extractable,
// and destroys the original.
func (s Quorum) freeze(r Restorable, n *freezing, save func() error) error {
	if err := noCopies(s.Station, s.HSM); err != nil {
		return err
	}
	if err := s.ProveBackup(r.Key.Identity, r.Backup); err != nil {
		return err
	}
	if !n.Copied {
		if err := s.copyFrozen(r.Key); err != nil {
			return err
		}
		n.Copied = true
		if err := save(); err != nil {
			return err
		}
	}
	frozen, err := s.frozen(r.Key)
	if err != nil {
		return err
	}
	if _, err := s.HSM.DestroyOthers(frozen); err != nil {
		return err
	}
	next := *r.Key
	next.Signed, next.Frozen = s.Chain.NewSigned(kmdata.TypeKey, s.Module.Module), true
	if next.Permissions, err = s.HSM.Permissions(frozen); err != nil {
		return err
	}
	return s.Chain.ReplaceKey(&next, s.KML())
}

// copyFrozen makes the copy that is to stay. One that is there already is an
// interrupted run's, and perhaps not whole.
func (s Quorum) copyFrozen(k *kmdata.Key) error {
	if _, err := s.HSM.DestroyFrozen(k.Name()); err != nil {
		return err
	}
	original, err := s.HSM.FindKey(k.Name())
	if err != nil {
		return err
	}
	if err := s.HSM.Proves(original, session.Wanted(k.Identity)); err != nil {
		return err
	}
	_, err = s.HSM.Freeze(original, k.Name())
	return err
}

// frozen is the key that is to stay. The original may be there as well.
func (s Quorum) frozen(k *kmdata.Key) (frozen hsm.Key, err error) {
	keys, err := s.HSM.FindKeys(k.Name())
	if err != nil {
		return frozen, err
	}
	for _, key := range keys {
		extractable, err := s.HSM.Extractable(key)
		if err != nil {
			return frozen, err
		}
		if !extractable {
			return key, s.HSM.Proves(key, session.Wanted(k.Identity))
		}
	}
	return frozen, exitcode.Errorf(exitcode.HSM, "%s is not on %v", k.Name(), s.Token)
}
