package session

import (
	"encoding/base64"
	"errors"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keywrap"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// Backups of customers' keys: wrapped under KM on the token, opened with KM's
// private half in a quorum session.

// Backup wraps a key under KM: the part for KM's private half, then the part
// under the AES key. KM and KW are found once a login: another object is not trusted.
func (s *Quorum) Backup(key hsm.Key) ([]byte, error) {
	if s.wrapping == nil || s.Module.Traits().Trusted == statement.TrustedByNobody {
		w, err := Wrapping(s.HSM, s.Module, s.knso.set)
		if err != nil {
			return nil, err
		}
		s.wrapping = &w
	}
	return s.HSM.Wrap(*s.wrapping, key)
}

// Wrapping finds KM, and KW in the two-step form, by what the statements say.
// Where no one but the quorum logs in, both are made for this one key, as
// session objects of the user's.
func Wrapping(token *hsm.Session, m *statement.Module, set kmdata.Set) (w hsm.Wrapping, err error) {
	km, err := set.KM.ModuleKey()
	if err != nil {
		return w, err
	}
	w.Form = m.Form
	if m.Traits().Trusted == statement.TrustedByNobody {
		if w.Outer, err = token.SessionKM(km, m.Form); err != nil || m.Form == keywrap.OneCall {
			return w, err
		}
		w.Inner, err = token.TransferKey()
		return w, err
	}
	if w.Outer, err = token.FindKM(statement.KMLabel(m.Module, set.Cards.Number), km); err != nil {
		return w, err
	}
	if w.Form == keywrap.OneCall {
		return w, nil
	}
	if w.Inner, err = token.FindKW(statement.KWLabel(m.Module, set.Cards.Number)); err != nil {
		return w, err
	}
	w.OAEP, err = base64.StdEncoding.DecodeString(m.KW)
	return w, err
}

// ProveBackup restores a backup to a session object, which must prove that it
// is the key, and goes.
func (s *Quorum) ProveBackup(identity statement.Identity, backup []byte) error {
	restored, err := s.Unwrap(identity, backup)
	if err != nil {
		return err
	}
	err = s.HSM.Proves(restored, Wanted(identity))
	return errors.Join(err, s.HSM.DestroyKey(restored))
}

// Unwrap restores a backup to a session object, tightened and read back. The
// first part is opened by KM; the value of the key itself is only ever on the
// token.
func (s *Quorum) Unwrap(identity statement.Identity, backup []byte) (hsm.Key, error) {
	return s.UnwrapWith(s.knso, identity, backup)
}

// UnwrapWith is Unwrap with the KM of a given card set.
func (s *Quorum) UnwrapWith(k KNSO, identity statement.Identity, backup []byte) (hsm.Key, error) {
	return s.restore(k, identity, backup, "")
}

// restore restores a backup to the token as label, or to a session object where
// that is "".
func (s *Quorum) restore(k KNSO, identity statement.Identity, backup []byte, label string) (hsm.Key, error) {
	kind, err := identity.Kind()
	if err != nil {
		return hsm.Key{}, err
	}
	if len(backup) <= oaepSize {
		return hsm.Key{}, errBackup()
	}
	key, err := s.HSM.Restore(hsm.Backup{
		Kind: kind, Public: identity.Public(), Seal: k.reseal(backup[:oaepSize]), Inner: backup[oaepSize:], Label: label,
	})
	if hsm.IsUnreadableBlob(err) {
		return hsm.Key{}, errBackup()
	}
	return key, err
}

// Keep puts a session key on the token as label: by a copy, or, where the module
// copies no keys, by restoring its backup there. What was restored must prove
// itself, or goes.
func (s *Quorum) Keep(key hsm.Key, identity statement.Identity, backup []byte, label string) (hsm.Key, error) {
	kept, err := s.HSM.Persist(key, label)
	if !errors.Is(err, hsm.ErrNoCopy) {
		return kept, err
	}
	if kept, err = s.restore(s.knso, identity, backup, label); err != nil {
		return kept, err
	}
	if err := s.HSM.Proves(kept, Wanted(identity)); err != nil {
		return kept, errors.Join(err, s.HSM.DestroyKey(kept))
	}
	return kept, nil
}

// errBackup is the one answer for every part of a backup that does not open.
func errBackup() error {
	return exitcode.Errorf(exitcode.Check, "the backup does not open with these cards").
		Hint("use the key file as it was when it was written; byok-offline world check names what was altered")
}

// oaepSize is the length of a backup's first part: KM's modulus.
const oaepSize = statement.KMBits / 8

// Wanted is a recorded identity in the token's terms.
func Wanted(i statement.Identity) hsm.Identity {
	return hsm.Identity{Public: i.Public(), CheckValue: i.CheckBytes()}
}

// IdentityOf reads from the token how a key is known.
func IdentityOf(token *hsm.Session, key hsm.Key) (statement.Identity, error) {
	if key.Public != nil {
		return statement.IdentityOf(key.Public, 0, nil)
	}
	value, err := token.CheckValue(key)
	if err != nil {
		return statement.Identity{}, err
	}
	return statement.IdentityOf(nil, key.Kind.Bits, value)
}
