package hsm

import "byok/internal/hsm/tokens"

// Token is what CK_TOKEN_INFO says of the token in a slot. Slot numbers
// change when a token is initialised: name a token by its [tokens.Token.ID].
type Token = tokens.Token

// TokenName is what a person calls a token by: see [ParseTokenName]. The zero
// value calls none.
type TokenName = tokens.Name

// ParseTokenName reads the name of a token: a PKCS#11 URI, slot:N, label:LABEL or
// a serial number.
func ParseTokenName(text string) (TokenName, error) { return tokens.ParseName(text) }

// Role is who a session is logged in as. The login belongs to the token and
// not to one session of it (PKCS#11 v2.40, section 5.6): SO and user cannot be
// logged in at once.
type Role = tokens.Role

// The roles. RoleSO means that a quorum is present.
const (
	RoleNone = tokens.RoleNone
	RoleSO   = tokens.RoleSO
	RoleUser = tokens.RoleUser
)

// PINState is what a token reports about wrong tries of one PIN.
type PINState = tokens.PINState

// The states of a PIN. Announce PINFinal before the try is spent.
const (
	PINFresh  = tokens.PINFresh
	PINLow    = tokens.PINLow
	PINFinal  = tokens.PINFinal
	PINLocked = tokens.PINLocked
)

// IsWrongPIN reports whether err is a login that was refused for its PIN. A
// locked PIN is not a wrong one.
func IsWrongPIN(err error) bool { return tokens.IsWrongPIN(err) }

// IsExpired reports whether err is a login that was refused until the PIN is changed.
func IsExpired(err error) bool { return tokens.IsExpired(err) }

// IsLocked reports whether err is a login that was refused because the PIN is
// locked.
func IsLocked(err error) bool { return tokens.IsLocked(err) }
