package session

import (
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/statement"
)

// SOPIN is the SO PIN of the module at hand: [Quorum.PINOf], unless an
// interrupted card replacement has changed it already.
func (s *Quorum) SOPIN() (*secret.Bytes, error) {
	recorded, err := s.PINOf(s.Module)
	if err != nil || !s.Behind() {
		return recorded, err
	}
	works, err := s.opens(recorded)
	if err != nil || works {
		return recorded, err
	}
	recorded.Wipe()
	return s.NewPIN(s.Module.Module)
}

// PINOf is the SO PIN of a module as the record has it. While a card
// replacement has not reached the module, that is the earlier cards' PIN, which
// the replacement sealed under the new ones.
func (s *Quorum) PINOf(m *statement.Module) (*secret.Bytes, error) {
	set := s.knso.set
	if m.CardSet == set.Cards.Number {
		return CurrentPIN(s.cards.Secret, set.Cards, m)
	}
	return s.FormerPIN(m.Module)
}

// NewPIN derives a module's SO PIN from the cards of the session.
func (s *Quorum) NewPIN(module string) (*secret.Bytes, error) {
	at := s.knso.set.Cards.Context().For(module)
	return s.cards.Secret.PIN(at, quorum.PurposeSOPIN, PINLength(s.Token))
}

// CurrentPIN is the SO PIN of a module that has the card set: derived from the
// world secret, or sealed under it.
func CurrentPIN(world *quorum.Secret, set quorum.CardSet, m *statement.Module) (*secret.Bytes, error) {
	at := set.Context().For(m.Module)
	if m.SOPIN.Sealed != "" {
		return quorum.Unseal(world, at, quorum.PurposeSealSOPIN, m.SOPIN.Sealed)
	}
	return world.PIN(at, quorum.PurposeSOPIN, m.SOPIN.Characters)
}

// FormerPIN is the PIN that a module had when the cards of the session came
// into force.
func (s *Quorum) FormerPIN(module string) (*secret.Bytes, error) {
	set := s.knso.set
	for _, p := range set.PINs {
		if p.Module == module {
			return quorum.Unseal(s.cards.Secret, set.Cards.Context().For(module), quorum.PurposeSealSOPIN, p.Sealed)
		}
	}
	return nil, exitcode.Errorf(exitcode.Check, "statement %d, the card replacement, does not name the module %.32s",
		set.Since(), module)
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
