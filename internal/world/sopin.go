package world

import (
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// soPIN is the module's SO PIN. While a card replacement has not reached the
// module it is the earlier cards' PIN, which the replacement sealed under the
// new ones, unless an interrupted run changed it already.
func (s *Session) soPIN() (*secret.Bytes, error) {
	set := s.knso.set
	if s.Module.CardSet == set.Cards.Number {
		return currentPIN(s.cards.Secret, set.Cards, s.Module)
	}
	former, err := s.formerPIN(set)
	if err != nil {
		return nil, err
	}
	works, err := s.opens(former)
	if err != nil || works {
		return former, err
	}
	former.Wipe()
	return s.cards.Secret.PIN(set.Cards.Context().For(s.Module.Module), quorum.PurposeSOPIN, pinLength(s.Token))
}

// currentPIN is the SO PIN of a module that has the card set: derived from the
// world secret, or sealed under it.
func currentPIN(world *quorum.Secret, set quorum.CardSet, m *kmdata.Module) (*secret.Bytes, error) {
	at := set.Context().For(m.Module)
	if m.SOPIN.Sealed != "" {
		return quorum.Unseal(world, at, quorum.PurposeSealSOPIN, m.SOPIN.Sealed)
	}
	return world.PIN(at, quorum.PurposeSOPIN, m.SOPIN.Characters)
}

// formerPIN is the PIN that the module had when its cards were replaced.
func (s *Session) formerPIN(set kmdata.Set) (*secret.Bytes, error) {
	for _, p := range set.PINs {
		if p.Module == s.Module.Module {
			return quorum.Unseal(s.cards.Secret, set.Cards.Context().For(p.Module), quorum.PurposeSealSOPIN, p.Sealed)
		}
	}
	return nil, exitcode.Errorf(exitcode.Check, "the card replacement does not name the module %.32s", s.Module.Module)
}

// opens reports whether a PIN is the security officer's.
func (s *Session) opens(pin *secret.Bytes) (bool, error) {
	err := s.token.Login(hsm.RoleSO, pin)
	if hsm.IsWrongPIN(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.token.Logout()
}
