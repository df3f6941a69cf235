package world

import (
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/pins"
	"byok/internal/secret"
	"byok/internal/statement"
)

// ResetPIN has the quorum set a new user PIN, for one that is forgotten or
// locked (C_InitPIN as security officer). Where the cards hold it, next is nil,
// and theirs is set again.
func (s Quorum) ResetPIN(next *secret.Bytes) error {
	if err := s.MayResetPIN(); err != nil {
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

// Seal signs a statement without other content: it vouches for the ceremony
// log so far, and sets the anchor.
func (s Quorum) Seal() (kmdata.Entry, error) {
	entry, err := s.Sign(&statement.Seal{})
	if err != nil {
		return entry, err
	}
	return entry, s.Finish()
}
