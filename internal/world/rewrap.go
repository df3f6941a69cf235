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
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/session"
)

// joining is the module at hand as it is to be under the card set in force.
func (s Quorum) joining() *module {
	return &module{
		ui: s.UI(), hsm: s.Loaded, token: s.Token, library: s.Module.Library, id: s.Module.Module,
		guard: s.Module.Guard, user: s.PIN(), kml: s.Module.KML, leftOut: s.Module.LeftOut,
	}
}

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
		return exitcode.Errorf(exitcode.Check, "%s: field backup: base64 is expected", s.Chain.KeyPath(ident))
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
	if err := s.moveOrigin(k, old, blob); err != nil {
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

// moveOrigin signs the origin of a key again, for its new backup. A key
// without a statement stays without one: it is unproved.
func (s Quorum) moveOrigin(k *kmdata.Key, old, blob []byte) error {
	o, found := s.Chain.Origin(k.Ident)
	if !found || !o.Identity.Same(k.Identity) || o.Backup != fingerprint.Of(old) {
		return nil
	}
	_, err := s.Sign(&kmdata.Origin{
		Ident: k.Ident, Identity: k.Identity, Origin: o.Origin, Restored: o.Restored, Module: o.Module,
		Attributes: slices.Clone(o.Attributes), Backup: fingerprint.Of(blob),
	})
	return err
}

// handOver gives the token the new cards' PIN and destroys what the old cards
// could use: their KM, KW and anchor.
func (s Quorum) handOver(m *module) (err error) {
	set := s.Set().Cards
	if m.pin, m.sealed, err = s.newPIN(set, m); err != nil {
		return err
	}
	present, err := s.SOPIN()
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
		return s.destroyFormer(set.Number)
	})
}

// newPIN derives the SO PIN from the new cards. A token whose PIN cannot be
// changed keeps it, sealed under them.
func (s Quorum) newPIN(set quorum.CardSet, m *module) (pin *secret.Bytes, sealed string, err error) {
	if m.guard != kmdata.GuardTrustShared {
		pin, err = s.Secret().PIN(set.Context().For(m.id), quorum.PurposeSOPIN, session.PINLength(m.token))
		return pin, "", err
	}
	if pin, err = s.FormerPIN(s.Set()); err != nil {
		return nil, "", err
	}
	sealed, err = quorum.Seal(s.Secret(), set.Context().For(m.id), quorum.PurposeSealSOPIN, pin)
	return pin, sealed, err
}

// destroyFormer destroys the trusted keys of earlier sets and proves them gone.
func (s Quorum) destroyFormer(present int) error {
	for number := 1; number < present; number++ {
		for _, label := range []string{kmdata.KMLabel(s.Module.Module, number), kmdata.KWLabel(s.Module.Module, number)} {
			_, err := s.HSM.DestroyLabelled(label)
			left, again := s.HSM.DestroyLabelled(label)
			if err := cmp.Or(err, again); err != nil {
				return err
			}
			if left > 0 {
				return exitcode.Errorf(exitcode.HSM, "%v keeps %s although it was destroyed", s.Token, label)
			}
		}
	}
	return nil
}
