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
)

// joining is the module at hand as it is to be under the card set in force.
func (s *Session) joining() *module {
	return &module{
		ui: s.access.UI, hsm: s.hsm, token: s.Token, library: s.Module.Library, id: s.Module.Module,
		guard: s.Module.Guard, user: s.pin, kml: s.Module.KML, leftOut: s.Module.LeftOut,
	}
}

// rewrapAll wraps the backup of every key again, under the KM of the set in
// force, on the token: no value and no AES layer is in this computer's memory.
func (s *Session) rewrapAll(m *module) error {
	stale, err := s.stale()
	if err != nil {
		return err
	}
	for i, ident := range stale {
		if err := s.rewrap(m, ident); err != nil {
			return err
		}
		s.access.UI.Say("backup of %s wrapped again, %d of %d", ident, i+1, len(stale))
	}
	return nil
}

func (s *Session) rewrap(m *module, ident string) error {
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
	w, err := wrapping(s.token, m.statement(s.knso.set.Cards), s.knso.set)
	if err != nil {
		return err
	}
	blob, err := s.token.Wrap(w, key)
	if err != nil {
		return err
	}
	if err := s.proveBackup(k.Identity, blob); err != nil {
		return err
	}
	if err := s.moveOrigin(k, old, blob); err != nil {
		return err
	}
	next := *k
	next.Signed = s.Chain.NewSigned(kmdata.TypeKey, s.Module.Module)
	next.Backup, next.CardSet = base64.StdEncoding.EncodeToString(blob), s.knso.set.Cards.Number
	return s.Chain.ReplaceKey(&next, s.kml())
}

// source is the key on the token, or, where only its backup is left or the
// original is frozen, a session object restored from that.
func (s *Session) source(k *kmdata.Key, backup []byte) (hsm.Key, error) {
	key, err := s.token.FindKey(k.Name())
	if err == nil && !k.Frozen {
		return key, s.token.Proves(key, wanted(k.Identity))
	}
	if err != nil && !errors.Is(err, hsm.ErrNotFound) {
		return key, err
	}
	if s.former == nil {
		return key, exitcode.Errorf(exitcode.Refused, "%s: only its backup is left, and that opens with the old cards", k.Name()).
			Hint("give the old cards with --card as well")
	}
	if key, err = s.unwrapWith(*s.former, k.Identity, backup); err != nil {
		return key, err
	}
	return key, s.token.Proves(key, wanted(k.Identity))
}

// moveOrigin signs the origin of a key again, for its new backup. A key
// without a statement stays without one: it is unproved.
func (s *Session) moveOrigin(k *kmdata.Key, old, blob []byte) error {
	o, found := s.Chain.Origin(k.Ident)
	if !found || !o.Identity.Same(k.Identity) || o.Backup != fingerprint.Of(old) {
		return nil
	}
	_, err := s.sign(&kmdata.Origin{
		Ident: k.Ident, Identity: k.Identity, Origin: o.Origin, Restored: o.Restored, Module: o.Module,
		Attributes: slices.Clone(o.Attributes), Backup: fingerprint.Of(blob),
	})
	return err
}

// handOver gives the token the new cards' PIN and destroys what the old cards
// could use: their KM, KW and anchor.
func (s *Session) handOver(m *module) (err error) {
	set := s.knso.set.Cards
	if m.pin, m.sealed, err = s.newPIN(set, m); err != nil {
		return err
	}
	present, err := s.soPIN()
	if err != nil {
		return err
	}
	defer present.Wipe()
	return s.as(hsm.RoleSO, present, func() error {
		if !present.Equal(m.pin) {
			if err := s.token.ChangePIN(present, m.pin); err != nil {
				return err
			}
		}
		return s.destroyFormer(set.Number)
	})
}

// newPIN derives the SO PIN from the new cards. A token whose PIN cannot be
// changed keeps it, sealed under them.
func (s *Session) newPIN(set quorum.CardSet, m *module) (pin *secret.Bytes, sealed string, err error) {
	if m.guard != kmdata.GuardTrustShared {
		pin, err = s.cards.Secret.PIN(set.Context().For(m.id), quorum.PurposeSOPIN, pinLength(m.token))
		return pin, "", err
	}
	if pin, err = s.formerPIN(s.knso.set); err != nil {
		return nil, "", err
	}
	sealed, err = quorum.Seal(s.cards.Secret, set.Context().For(m.id), quorum.PurposeSealSOPIN, pin)
	return pin, sealed, err
}

// destroyFormer destroys the trusted keys of earlier sets and proves them gone.
func (s *Session) destroyFormer(present int) error {
	for number := 1; number < present; number++ {
		for _, label := range []string{kmdata.KMLabel(s.Module.Module, number), kmdata.KWLabel(s.Module.Module, number)} {
			_, err := s.token.DestroyLabelled(label)
			left, again := s.token.DestroyLabelled(label)
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
