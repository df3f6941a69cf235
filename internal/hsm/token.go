package hsm

import (
	"fmt"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// MaxLabel is the room for a token's label (CK_TOKEN_INFO, PKCS#11 v2.40, section 3.2), in bytes.
const MaxLabel = 32

// Token is what CK_TOKEN_INFO says of the token in a slot. Slot numbers
// change when a token is initialised: name a token by its Serial.
type Token struct {
	Slot         uint   `json:"slot"`
	Label        string `json:"label"`
	Manufacturer string `json:"manufacturer"`
	Model        string `json:"model"`
	Serial       string `json:"serial"`
	Firmware     string `json:"firmware"`
	Initialised  bool   `json:"initialised"`

	flags          uint
	minPIN, maxPIN uint // bytes
}

// String names the token for messages.
func (t Token) String() string { return fmt.Sprintf("token %q (serial %s)", t.Label, t.Serial) }

// HasUserPIN tells whether a user PIN has been set.
func (t Token) HasUserPIN() bool { return t.flags&pkcs11.CKF_USER_PIN_INITIALIZED != 0 }

// Tokens lists the tokens present, initialised or not, in slot order.
func (m *Module) Tokens() ([]Token, error) {
	slots, err := m.p.GetSlotList(true)
	if err != nil {
		return nil, fail("C_GetSlotList of "+m.Path, err)
	}
	tokens := make([]Token, 0, len(slots))
	for _, slot := range slots {
		info, err := m.p.GetTokenInfo(slot)
		if err != nil {
			return nil, fail(fmt.Sprintf("C_GetTokenInfo of slot %d", slot), err)
		}
		tokens = append(tokens, tokenOf(slot, info))
	}
	return tokens, nil
}

func tokenOf(slot uint, info pkcs11.TokenInfo) Token {
	trim := func(s string) string { return strings.TrimRight(s, " \x00") }
	return Token{
		Slot: slot, Label: trim(info.Label), Manufacturer: trim(info.ManufacturerID), Model: trim(info.Model),
		Serial: trim(info.SerialNumber), Firmware: version(info.FirmwareVersion),
		Initialised: info.Flags&pkcs11.CKF_TOKEN_INITIALIZED != 0, flags: info.Flags, minPIN: info.MinPinLen, maxPIN: info.MaxPinLen,
	}
}

func version(v pkcs11.Version) string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Token finds the initialised token with the given serial number; there must
// be exactly one.
func (m *Module) Token(serial string) (Token, error) {
	found, err := m.tokensWhere(func(t Token) bool { return t.Initialised && t.Serial == serial })
	switch {
	case err != nil:
		return Token{}, err
	case len(found) == 0:
		return Token{}, exitcode.Hint(exitcode.Errorf(exitcode.HSM, "no token with serial %s in %s", serial, m.Path),
			"connect the HSM that holds this security world, then byok-offline module list --module-path %s", m.Path)
	case len(found) > 1:
		return Token{}, exitcode.Errorf(exitcode.HSM, "%d tokens in %s have the serial %s, so none can be told from the other", len(found), m.Path, serial)
	}
	return found[0], nil
}

// Labelled lists the initialised tokens with the given label.
func (m *Module) Labelled(label string) ([]Token, error) {
	return m.tokensWhere(func(t Token) bool { return t.Initialised && t.Label == label })
}

// Free returns the first token that is not initialised.
func (m *Module) Free() (Token, error) {
	free, err := m.tokensWhere(func(t Token) bool { return !t.Initialised })
	if err != nil {
		return Token{}, err
	}
	if len(free) == 0 {
		return Token{}, exitcode.Hint(exitcode.Errorf(exitcode.HSM, "no free slot in %s: every token there is initialised", m.Path),
			"add an empty partition or token with the vendor's tool, then run the command again")
	}
	return free[0], nil
}

// CheckPIN refuses a user PIN that the token says it will not take, before
// anything is done to the token.
func (t Token) CheckPIN(pin *secret.Bytes) error {
	if n := uint(pin.Len()); n < t.minPIN || n > t.maxPIN {
		return exitcode.Hint(exitcode.Errorf(exitcode.Usage, "a user PIN of %d bytes: the token takes %d to %d", n, t.minPIN, t.maxPIN), "choose another PIN")
	}
	return nil
}

func (m *Module) tokensWhere(keep func(Token) bool) ([]Token, error) {
	all, err := m.Tokens()
	var found []Token
	for _, t := range all {
		if keep(t) {
			found = append(found, t)
		}
	}
	return found, err
}

// Initialise runs C_InitToken on t: everything on it is destroyed, its SO PIN
// becomes soPIN and its label label. On an initialised token soPIN must be
// the present SO PIN. The token is found again by its label, which therefore
// must be new or t's own, because the slot number may have changed.
func (m *Module) Initialise(t Token, soPIN *secret.Bytes, label string) (Token, error) {
	if err := m.p.InitToken(t.Slot, soPIN.Text(), label); err != nil {
		return Token{}, fail(fmt.Sprintf("C_InitToken on slot %d for %q", t.Slot, label), err)
	}
	found, err := m.Labelled(label)
	if err != nil {
		return Token{}, err
	}
	if len(found) == 0 { // NSS softoken
		return Token{}, exitcode.Hint(exitcode.Errorf(exitcode.HSM, "C_InitToken on slot %d was accepted, but afterwards no initialised token is labelled %q", t.Slot, label),
			"use another module; byok-offline module check --module-path %s says what this one lacks", m.Path)
	}
	if len(found) > 1 {
		return Token{}, exitcode.Errorf(exitcode.HSM, "after C_InitToken %d tokens are labelled %q, one was expected", len(found), label)
	}
	return found[0], nil
}

// triesLeft says what the flags tell about wrong PINs so far, or "".
func (t Token) triesLeft(low, final, locked uint) string {
	switch {
	case t.flags&locked != 0:
		return "; the token has locked this PIN"
	case t.flags&final != 0:
		return "; one try is left before the token locks it"
	case t.flags&low != 0:
		return "; the token counts wrong PINs and will lock it after a few more"
	}
	return ""
}
