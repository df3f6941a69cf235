package hsm

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/secret"
)

// pinToBeChanged is what a Utimaco CryptoServer returns to every call of a role
// whose PIN was set by another, until the role has changed it by C_SetPIN
// (vendor's value).
const pinToBeChanged = 0x1B8

// Initialise is [tokens.Slots.Initialise]: C_InitToken.
func (m *Module) Initialise(t Token, soPIN *secret.Bytes, label string) (Token, error) {
	fresh, err := m.Slots.Initialise(t, soPIN, label)
	if err == nil {
		m.tokenFacts(fresh).given[RoleSO] = true
	}
	return fresh, err
}

// settle tries, in the first login with a PIN that C_InitToken or C_InitPIN has
// set, whether the token demands another one by C_SetPIN, and then sets the same
// again: the people chose it, or the cards hold it.
func (s *Session) settle(pin *secret.Bytes) error {
	f := s.m.tokenFacts(s.Token)
	if !f.given[s.role] {
		return nil
	}
	delete(f.given, s.role)
	_, err := s.raw.Find(pkcs11.NewAttribute(pkcs11.CKA_LABEL, "byok-settle"))
	if !p11.Is(err, pinToBeChanged) {
		return nil // what else may be wrong shows where it matters
	}
	if err := s.m.SetPIN(s.raw.Handle, s.Token, s.role, pin, pin); err != nil {
		return fmt.Errorf("the token demands that the %v PIN be changed: %w", s.role, err)
	}
	return nil
}
