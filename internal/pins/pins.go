// Package pins is the PINs of modules that cards hold: derived from the world
// secret, or sealed under it where a person chose them.
package pins

import (
	"byok/internal/hsm"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/statement"
)

// Held is a kind of PIN that cards may hold for a module.
type Held struct {
	Role         hsm.Role
	derive, seal quorum.Purpose
	of           func(*statement.Module) statement.PIN
	passed       func(statement.SealedPIN) string
}

// The kinds. Which of them the cards hold is the guard's: see [statement.Traits].
var (
	SO = Held{
		hsm.RoleSO, quorum.PurposeSOPIN, quorum.PurposeSealSOPIN,
		func(m *statement.Module) statement.PIN { return m.SOPIN },
		func(p statement.SealedPIN) string { return p.Sealed },
	}
	User = Held{
		hsm.RoleUser, quorum.PurposeUserPIN, quorum.PurposeSealUserPIN,
		func(m *statement.Module) statement.PIN { return m.UserPIN },
		func(p statement.SealedPIN) string { return p.User },
	}
)

// Passed is the PIN that a module had when the card set came into force, as the
// replacement sealed it.
func (h Held) Passed(s *quorum.Secret, set quorum.CardSet, p statement.SealedPIN) (*secret.Bytes, error) {
	return h.unseal(s, set.Context().For(p.Module), h.passed(p))
}

// Seal seals a PIN of a module under the world secret of a card set.
func (h Held) Seal(s *quorum.Secret, set quorum.CardSet, module string, pin *secret.Bytes) (string, error) {
	return quorum.Seal(s, set.Context().For(module), h.seal, pin)
}

// Derive derives a module's PIN of n characters from the world secret.
func (h Held) Derive(s *quorum.Secret, set quorum.CardSet, module string, n int) (*secret.Bytes, error) {
	return s.PIN(set.Context().For(module), h.derive, n)
}

// Current is the PIN of a module that has the card set: derived from the world
// secret, or sealed under it.
func (h Held) Current(world *quorum.Secret, set quorum.CardSet, m *statement.Module) (*secret.Bytes, error) {
	if pin := h.of(m); pin.Sealed == "" {
		return h.Derive(world, set, m.Module, pin.Characters)
	}
	return h.unseal(world, set.Context().For(m.Module), h.of(m).Sealed)
}

func (h Held) unseal(s *quorum.Secret, c quorum.Context, sealed string) (*secret.Bytes, error) {
	defer secret.Collect()
	return quorum.Unseal(s, c, h.seal, sealed)
}

// longest is the longest PIN that is derived.
const longest = 40

// Length is the length of a PIN that is derived for a token: its longest, up
// to 40 characters of 5 bits.
func Length(t hsm.Token) int {
	_, most := t.PINLengths()
	if most == 0 {
		return longest
	}
	return min(longest, int(most))
}

// Stated is what the statement says of a PIN that the cards hold.
func Stated(held bool, pin *secret.Bytes, sealed string) statement.PIN {
	if !held {
		return statement.PIN{}
	}
	if sealed != "" {
		return statement.PIN{Characters: pin.Len(), Sealed: sealed}
	}
	return statement.PIN{Characters: pin.Len(), Bits: quorum.PINBits(pin.Len())}
}
