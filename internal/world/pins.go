package world

import (
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/secret"
)

func weakPINText(t hsm.Token, characters, bits int) string {
	return fmt.Sprintf("%v takes PINs of %d characters at most: the one from the cards has %d bits", t, characters, bits)
}

// ResetPIN has the quorum set a new user PIN, for one that is forgotten or
// locked (C_InitPIN as security officer).
func (s *Session) ResetPIN(next *secret.Bytes) error {
	if err := s.Token.CheckPIN(next); err != nil {
		return err
	}
	if err := s.asSO(func() error { return s.token.InitPIN(next) }); err != nil {
		return err
	}
	s.pin.Wipe()
	s.pin = secret.Take([]byte(next.Text()))
	if err := s.asUser(func() error { return nil }); err != nil {
		return exitcode.Hint(fmt.Errorf("the new user PIN was set but does not log in: %w", err), "run the same command again")
	}
	if _, err := s.sign(&kmdata.Seal{}); err != nil {
		return err
	}
	return s.Finish()
}

// ChangePIN changes the user PIN (C_SetPIN as user).
func ChangePIN(station *Station, old, next *secret.Bytes) error {
	if err := station.Token.CheckPIN(next); err != nil {
		return err
	}
	session, err := station.hsm.Open(station.Token)
	if err != nil {
		return err
	}
	defer session.Close()
	if err := session.Login(hsm.RoleUser, old); err != nil {
		return err
	}
	return session.ChangePIN(old, next)
}

// Seal signs a statement without other content: it vouches for the ceremony
// log so far, and sets the anchor.
func (s *Session) Seal() (kmdata.Entry, error) {
	entry, err := s.sign(&kmdata.Seal{})
	if err != nil {
		return entry, err
	}
	return entry, s.Finish()
}
