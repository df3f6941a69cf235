package session

import (
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// SOPIN is the module's SO PIN. While a card replacement has not reached the
// module it is the earlier cards' PIN, which the replacement sealed under the
// new ones, unless an interrupted run changed it already.
func (s *Quorum) SOPIN() (*secret.Bytes, error) {
	set := s.knso.set
	if s.Module.CardSet == set.Cards.Number {
		return CurrentPIN(s.cards.Secret, set.Cards, s.Module)
	}
	former, err := s.FormerPIN(set)
	if err != nil {
		return nil, err
	}
	works, err := s.opens(former)
	if err != nil || works {
		return former, err
	}
	former.Wipe()
	return s.cards.Secret.PIN(set.Cards.Context().For(s.Module.Module), quorum.PurposeSOPIN, PINLength(s.Token))
}

// CurrentPIN is the SO PIN of a module that has the card set: derived from the
// world secret, or sealed under it.
func CurrentPIN(world *quorum.Secret, set quorum.CardSet, m *kmdata.Module) (*secret.Bytes, error) {
	at := set.Context().For(m.Module)
	if m.SOPIN.Sealed != "" {
		return quorum.Unseal(world, at, quorum.PurposeSealSOPIN, m.SOPIN.Sealed)
	}
	return world.PIN(at, quorum.PurposeSOPIN, m.SOPIN.Characters)
}

// FormerPIN is the PIN that the module had when its cards were replaced.
func (s *Quorum) FormerPIN(set kmdata.Set) (*secret.Bytes, error) {
	for _, p := range set.PINs {
		if p.Module == s.Module.Module {
			return quorum.Unseal(s.cards.Secret, set.Cards.Context().For(p.Module), quorum.PurposeSealSOPIN, p.Sealed)
		}
	}
	return nil, exitcode.Errorf(exitcode.Check, "the card replacement does not name the module %.32s", s.Module.Module)
}

// opens reports whether a PIN is the security officer's.
func (s *Quorum) opens(pin *secret.Bytes) (bool, error) {
	err := s.HSM.Login(hsm.RoleSO, pin)
	if hsm.IsWrongPIN(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.HSM.Logout()
}

// maxPIN is the longest SO PIN that is derived.
const maxPIN = 40

// PINLength is the length of the SO PIN that is derived for a token: its
// longest, up to 40 characters of 5 bits.
func PINLength(t hsm.Token) int {
	_, longest := t.PINLengths()
	if longest == 0 {
		return maxPIN
	}
	return min(maxPIN, int(longest))
}
