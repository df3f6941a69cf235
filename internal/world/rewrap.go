package world

import (
	"cmp"
	"encoding/base64"
	"errors"
	"slices"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/pins"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
)

// rewrapAll wraps the backup of every key again, under the KM of the set in
// force, on the token: no value and no AES layer is in this computer's memory.
func (s Quorum) rewrapAll(m *module) error {
	stale, err := s.stale()
	if err != nil {
		return err
	}
	for i, ident := range stale {
		if err := s.rewrap(m, ident); err != nil {
			return err
		}
		s.UI().Say("backup of %s wrapped again, %d of %d", ident, i+1, len(stale))
	}
	return nil
}

func (s Quorum) rewrap(m *module, ident string) error {
	k, err := s.Chain.Key(ident)
	if err != nil {
		return err
	}
	old, err := base64.StdEncoding.DecodeString(k.Backup)
	if err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: field backup: expected base64", s.Chain.KeyPath(ident))
	}
	key, err := s.source(k, old)
	if err != nil {
		return err
	}
	w, err := session.Wrapping(s.HSM, m.statement(s.Set().Cards), s.Set())
	if err != nil {
		return err
	}
	blob, err := s.HSM.Wrap(w, key)
	if err != nil {
		return err
	}
	if err := s.ProveBackup(k.Identity, blob); err != nil {
		return err
	}
	if err := s.moveOrigin(k, blob); err != nil {
		return err
	}
	next := *k
	next.Signed = s.Chain.NewSigned(kmdata.TypeKey, s.Module.Module)
	next.Backup, next.CardSet = base64.StdEncoding.EncodeToString(blob), s.Set().Cards.Number
	return s.Chain.ReplaceKey(&next, s.KML())
}

// source is the key on the token, or, where only its backup is left or the
// original is frozen, a session object restored from that.
func (s Quorum) source(k *kmdata.Key, backup []byte) (hsm.Key, error) {
	key, err := s.HSM.FindKey(k.Name())
	if err == nil && !k.Frozen {
		return key, s.HSM.Proves(key, session.Wanted(k.Identity))
	}
	if err != nil && !errors.Is(err, hsm.ErrNotFound) {
		return key, err
	}
	if s.Former() == nil {
		return key, exitcode.Errorf(exitcode.Refused, "%s: only its backup is left, and that opens with the old cards",
			k.Name()).
			Hint("give the old cards with --card as well")
	}
	if key, err = s.UnwrapWith(*s.Former(), k.Identity, backup); err != nil {
		return key, err
	}
	return key, s.HSM.Proves(key, session.Wanted(k.Identity))
}

// moveOrigin signs the origin of a key again, on each module that has one, for
// its new backup. A key without a statement stays without one: it is unproved.
func (s Quorum) moveOrigin(k *kmdata.Key, blob []byte) error {
	for _, m := range s.Chain.Modules() {
		o, found := s.Chain.OriginOn(k.Ident, m.Module)
		if !found || !o.Identity.Same(k.Identity) {
			continue
		}
		next := *o
		next.Attributes, next.Backup = slices.Clone(o.Attributes), fingerprint.Of(blob)
		if _, err := s.Sign(&next); err != nil {
			return err
		}
	}
	return nil
}

// handOver gives the token the new cards' PIN and destroys what the old cards
// could use: their KM, KW and anchor.
func (s Quorum) handOver(m *module) error {
	if !m.traits().SOPIN {
		if err := s.userPINAgain(m); err != nil {
			return err
		}
		return s.AsUser(func() error { return s.destroyFormer(s.Set().Cards.Number) })
	}
	if err := s.newPIN(m); err != nil {
		return err
	}
	present, err := s.Present(pins.SO)
	if err != nil {
		return err
	}
	defer present.Wipe()
	return s.As(hsm.RoleSO, present, func() error {
		if !present.Equal(m.pin) {
			if err := s.HSM.ChangePIN(present, m.pin); err != nil {
				return err
			}
		}
		if err := s.newUserPIN(m, s.HSM.InitPIN); err != nil {
			return err
		}
		if err := s.destroyFormer(s.Set().Cards.Number); err != nil {
			return err
		}
		return s.SetAnchor()
	})
}

// newUserPIN sets the user PIN from the new cards, where they hold it.
func (s Quorum) newUserPIN(m *module, set func(next *secret.Bytes) error) error {
	if !m.traits().UserPIN {
		return nil
	}
	next, err := s.NewPIN(pins.User, m.id)
	if err != nil {
		return err
	}
	defer next.Wipe()
	if err := set(next); err != nil {
		return err
	}
	s.SetPIN(next)
	m.user = s.PIN()
	return nil
}

// userPINAgain gives the user PIN to the new cards where no SO does: as user, or
// sealed, where it cannot be changed.
func (s Quorum) userPINAgain(m *module) (err error) {
	if m.lone {
		return s.newUserPIN(m, func(next *secret.Bytes) error { return pins.Change(m.hsm, m.token, s.PIN(), next) })
	}
	if m.traits().UserPIN {
		m.sealed.user, err = pins.User.Seal(s.Secret(), s.Set().Cards, m.id, m.user)
	}
	return err
}

// newPIN derives the SO PIN from the new cards. A token whose PIN cannot be
// changed keeps it, sealed under them.
func (s Quorum) newPIN(m *module) (err error) {
	if s.Module.SOPIN.Sealed == "" {
		m.pin, err = s.NewPIN(pins.SO, m.id)
		return err
	}
	former, err := s.FormerPIN(pins.SO, m.id)
	if err != nil {
		return err
	}
	defer former.Wipe()
	return m.sealPIN(s.Secret(), s.Set().Cards, former)
}

// destroyFormer destroys the trusted keys of earlier sets and proves them gone.
func (s Quorum) destroyFormer(present int) error {
	for number := 1; number < present; number++ {
		for _, label := range []string{
			statement.KMLabel(s.Module.Module, number),
			statement.KWLabel(s.Module.Module, number),
		} {
			_, err := s.HSM.DestroyLabelled(label)
			left, again := s.HSM.DestroyLabelled(label)
			if err := cmp.Or(err, again); err != nil {
				return err
			}
			if left > 0 {
				return exitcode.Errorf(exitcode.HSM, "%v still holds %s after it was destroyed", s.Token, label)
			}
		}
	}
	return nil
}
