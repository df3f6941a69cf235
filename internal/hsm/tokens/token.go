package tokens

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/pkcs11uri"
	"byok/internal/secret"
)

// Token is what CK_TOKEN_INFO says of the token in a slot. Slot numbers
// change when a token is initialised: name a token by its [Token.ID].
type Token struct {
	Slot         uint   `json:"slot"`
	Label        string `json:"label"`
	Manufacturer string `json:"manufacturer"`
	Model        string `json:"model"`
	Serial       string `json:"serial"`
	Firmware     string `json:"firmware"`
	Initialised  bool   `json:"initialised"`
	// Fault is the return value of C_GetTokenInfo if the slot did not answer:
	// nothing but Slot is known then.
	Fault string `json:"fault,omitempty"`

	flags          uint
	minPIN, maxPIN uint // bytes
	sessions       uint // that may be open beside one; huge where the token does not say, or has no limit
	nulPadded      bool // the serial number
}

// ID returns what names the token in commands and records: its serial number,
// or "label:" and its label where it has none.
func (t Token) ID() string {
	if t.Serial != "" {
		return t.Serial
	}
	return labelPrefix + t.Label
}

// URI names the token by all that CK_TOKEN_INFO says of it but its slot, whose
// number another process may see differently: see [ParseName].
func (t Token) URI() string {
	return pkcs11uri.URI{Token: &t.Label, Manufacturer: &t.Manufacturer, Model: &t.Model, Serial: &t.Serial}.String()
}

// String names the token in messages.
func (t Token) String() string {
	if t.Serial == "" {
		return fmt.Sprintf("token %q (without a serial number)", t.Label)
	}
	return fmt.Sprintf("token %q (serial %s)", t.Label, t.Serial)
}

// HasUserPIN reports whether a user PIN has been set.
func (t Token) HasUserPIN() bool { return t.flags&pkcs11.CKF_USER_PIN_INITIALIZED != 0 }

// PINPad reports whether PINs are typed on the device, and none is given to it
// (CKF_PROTECTED_AUTHENTICATION_PATH).
func (t Token) PINPad() bool { return t.flags&pkcs11.CKF_PROTECTED_AUTHENTICATION_PATH != 0 }

// Allows reports whether the token says that it allows so many sessions at once.
// 0 and the greatest number say nothing (PKCS#11 v2.40, section 3.2).
func (t Token) Allows(sessions uint) bool { return t.sessions >= sessions-1 }

// PINLengths returns the shortest and the longest PIN that the token says it
// accepts, in bytes. Both are 0 where it does not say.
func (t Token) PINLengths() (shortest, longest uint) {
	if t.maxPIN == 0 || t.maxPIN < t.minPIN {
		return 0, 0
	}
	return t.minPIN, t.maxPIN
}

// CheckPIN refuses a user PIN of a length that the token says it does not
// accept, before anything is done to the token. One that is typed on the device is
// the device's to check.
func (t Token) CheckPIN(pin *secret.Bytes) error {
	if t.PINPad() {
		return nil
	}
	shortest, longest := t.PINLengths()
	if n := uint(pin.Len()); longest != 0 && (n < shortest || n > longest) {
		return exitcode.Errorf(exitcode.Usage, "a user PIN of %d bytes: the token takes %d to %d", n, shortest, longest).
			Hint("choose another PIN")
	}
	return nil
}
