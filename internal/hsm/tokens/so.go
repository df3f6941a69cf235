package tokens

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// manufacturerNSS is the manufacturer of NSS softoken's tokens.
const manufacturerNSS = "Mozilla Foundation"

// LacksSO reports whether the token is of a kind that has no SO role: NSS
// softoken, once a user PIN is set. Prove it with [HasNoSO] before anything rests
// on it.
func (t Token) LacksSO() bool { return t.Manufacturer == manufacturerNSS && t.HasUserPIN() }

// HasNoSO reports whether err is a login as SO that was refused because the token
// has no such role, whatever the PIN.
func HasNoSO(err error) bool { return p11.Is(err, pkcs11.CKR_USER_TYPE_INVALID) }
