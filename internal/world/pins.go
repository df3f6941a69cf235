package world

import (
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/pins"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
)

// MayResetPIN refuses a module whose user PIN the cards cannot set.
func MayResetPIN(station *session.Station) error {
	if g := station.Module.Guard; !station.Module.Traits().SOPIN {
		return exitcode.Errorf(exitcode.Refused, "guard %s: the cards do not hold the SO PIN of %v", g, station.Token).
			Hint("reset the user PIN with the vendor's tool")
	}
	return nil
}

// ResetPIN has the quorum set a new user PIN, for one that is forgotten or
// locked (C_InitPIN as security officer). Where the cards hold it, next is nil,
// and theirs is set again.
func (s Quorum) ResetPIN(next *secret.Bytes) error {
	if err := MayResetPIN(s.Station); err != nil {
		return err
	}
	if s.Module.Traits().UserPIN {
		held, err := s.PINOf(pins.User, s.Module)
		if err != nil {
			return err
		}
		defer held.Wipe()
		next = held
	}
	if err := s.Token.CheckPIN(next); err != nil {
		return err
	}
	if err := s.AsSO(func() error { return s.HSM.InitPIN(next) }); err != nil {
		return err
	}
	s.SetPIN(next)
	if err := s.AsUser(func() error { return nil }); err != nil {
		err = fmt.Errorf("the new user PIN was set, but logging in with it failed: %w", err)
		return exitcode.Hint(err, "run the same command again")
	}
	_, err := s.Seal()
	return err
}

// MayChangePIN refuses a module whose user PIN no person has.
func MayChangePIN(station *session.Station) error {
	if g := station.Module.Guard; station.Module.Traits().Alone() {
		return exitcode.Errorf(exitcode.Refused, "guard %s: the cards hold the user PIN of %v, and no one else",
			g, station.Token).
			Hint("byok-offline world replace-cards makes a new one")
	}
	return nil
}

// ChangePIN changes the user PIN (C_SetPIN as user).
func ChangePIN(station *session.Station, old, next *secret.Bytes) error {
	if err := MayChangePIN(station); err != nil {
		return err
	}
	if err := station.Token.CheckPIN(next); err != nil {
		return err
	}
	return pins.Change(station.Loaded, station.Token, old, next)
}

// Seal signs a statement without other content: it vouches for the ceremony
// log so far, and sets the anchor.
func (s Quorum) Seal() (kmdata.Entry, error) {
	entry, err := s.Sign(&statement.Seal{})
	if err != nil {
		return entry, err
	}
	return entry, s.Finish()
}
