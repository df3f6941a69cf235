package session

import (
	"cmp"

	"byok/internal/exitcode"
	"byok/internal/pins"
	"byok/internal/secret"
)

// MayResetPIN refuses a module whose user PIN the cards cannot set.
func (s *Station) MayResetPIN() error {
	if s.Module.Traits().SOPIN {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "guard %s: the cards do not hold the SO PIN of %v", s.Module.Guard, s.Token).
		Hint("reset the user PIN with the vendor's tool")
}

// MayChangePIN refuses a module whose user PIN no person has.
func (s *Station) MayChangePIN() error {
	if !s.Module.Traits().Alone() {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "guard %s: the cards hold the user PIN of %v, and no one else",
		s.Module.Guard, s.Token).
		Hint("byok-offline world replace-cards makes a new one")
}

// ChangePIN changes the user PIN (C_SetPIN as user).
func (s *Station) ChangePIN(old, next *secret.Bytes) error {
	if err := cmp.Or(s.MayChangePIN(), s.Token.CheckPIN(next)); err != nil {
		return err
	}
	return pins.Change(s.Loaded, s.Token, old, next)
}
