package session

import (
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/pins"
	"byok/internal/secret"
	"byok/internal/statement"
)

// Present is a PIN of the module at hand: [Quorum.PINOf], unless an interrupted
// card replacement has changed it already.
func (s *Quorum) Present(h pins.Held) (*secret.Bytes, error) {
	recorded, err := s.PINOf(h, s.Module)
	if err != nil || !s.Behind() {
		return recorded, err
	}
	works, err := s.opens(h.Role, recorded)
	if err != nil || works {
		return recorded, err
	}
	recorded.Wipe()
	return s.NewPIN(h, s.Module.Module)
}

// PINOf is a PIN of a module as the record has it. While a card replacement has
// not reached the module, that is the earlier cards' PIN, which the replacement
// sealed under the new ones.
func (s *Quorum) PINOf(h pins.Held, m *statement.Module) (*secret.Bytes, error) {
	set := s.knso.set
	if m.CardSet == set.Cards.Number {
		return h.Current(s.cards.Secret, set.Cards, m)
	}
	return s.FormerPIN(h, m.Module)
}

// NewPIN derives a PIN of a module from the cards of the session.
func (s *Quorum) NewPIN(h pins.Held, module string) (*secret.Bytes, error) {
	return h.Derive(s.cards.Secret, s.knso.set.Cards, module, pins.Length(s.Token))
}

// FormerPIN is the PIN that a module had when the cards of the session came
// into force.
func (s *Quorum) FormerPIN(h pins.Held, module string) (*secret.Bytes, error) {
	set := s.knso.set
	for _, p := range set.PINs {
		if p.Module == module {
			return h.Passed(s.cards.Secret, set.Cards, p)
		}
	}
	return nil, exitcode.Errorf(exitcode.Check, "statement %d, the card replacement, does not name the module %.32s",
		set.Since(), module)
}

// opens reports whether a PIN is the role's.
func (s *Quorum) opens(role hsm.Role, pin *secret.Bytes) (bool, error) {
	err := s.HSM.Login(role, pin)
	if hsm.IsWrongPIN(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.HSM.Logout()
}
