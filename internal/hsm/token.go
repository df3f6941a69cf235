package hsm

import (
	"fmt"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/secret"
	"byok/internal/term"
)

// MaxLabel is the room for a token's label (CK_TOKEN_INFO, PKCS#11 v2.40,
// section 3.2), in bytes.
const MaxLabel = 32

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
}

// labelPrefix begins the ID of a token without a serial number.
const labelPrefix = "label:"

// ID returns what names the token in commands and records: its serial number,
// or "label:" and its label where it has none.
func (t Token) ID() string {
	if t.Serial != "" {
		return t.Serial
	}
	return labelPrefix + t.Label
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

// PINLengths returns the shortest and the longest PIN that the token says it
// accepts, in bytes. Both are 0 where it does not say.
func (t Token) PINLengths() (shortest, longest uint) {
	if t.maxPIN == 0 || t.maxPIN < t.minPIN {
		return 0, 0
	}
	return t.minPIN, t.maxPIN
}

// CheckPIN refuses a user PIN of a length that the token says it does not
// accept, before anything is done to the token.
func (t Token) CheckPIN(pin *secret.Bytes) error {
	shortest, longest := t.PINLengths()
	if n := uint(pin.Len()); longest != 0 && (n < shortest || n > longest) {
		return exitcode.Errorf(exitcode.Usage, "a user PIN of %d bytes: the token takes %d to %d", n, shortest, longest).
			Hint("choose another PIN")
	}
	return nil
}

// Tokens lists the tokens present, initialised or not, in slot order. A slot
// that does not answer is listed with its Fault: one device that is switched
// off does not hide the others.
func (m *Module) Tokens() ([]Token, error) {
	slots, err := m.p.GetSlotList(true)
	if err != nil {
		return nil, p11.Fail("C_GetSlotList of "+m.Path, err)
	}
	tokens := make([]Token, len(slots))
	for i, slot := range slots {
		tokens[i] = m.tokenIn(slot)
	}
	return tokens, nil
}

func (m *Module) tokenIn(slot uint) Token {
	info, err := m.p.GetTokenInfo(slot)
	if err != nil {
		return Token{Slot: slot, Fault: p11.Named(err).Error()}
	}
	trim := func(s string) string { return strings.TrimRight(s, " \x00") }
	return Token{
		Slot:         slot,
		Label:        trim(info.Label),
		Manufacturer: trim(info.ManufacturerID),
		Model:        trim(info.Model),
		Serial:       trim(info.SerialNumber),
		Firmware:     version(info.FirmwareVersion),
		Initialised:  info.Flags&pkcs11.CKF_TOKEN_INITIALIZED != 0,
		flags:        info.Flags,
		minPIN:       info.MinPinLen,
		maxPIN:       info.MaxPinLen,
	}
}

func version(v pkcs11.Version) string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Token finds the initialised token with the given [Token.ID]; there must be
// exactly one.
func (m *Module) Token(id string) (Token, error) {
	found, faults, err := m.tokensWhere(func(t Token) bool { return t.Initialised && t.ID() == id })
	switch {
	case err != nil:
		return Token{}, err
	case len(found) == 0:
		return Token{}, exitcode.Errorf(exitcode.HSM, "no token %s in %s%s", serialOr(id), m.Path, faults).
			Hint("connect the HSM that holds this security world, then byok-offline module list --module-path %s",
				term.Quote(m.Path))
	case len(found) > 1:
		return Token{}, exitcode.Errorf(exitcode.HSM, "%d tokens %s in %s: one cannot be distinguished from the other",
			len(found), serialOr(id), m.Path)
	}
	return found[0], nil
}

// serialOr puts an ID into words.
func serialOr(id string) string {
	if label, ok := strings.CutPrefix(id, labelPrefix); ok {
		return fmt.Sprintf("labelled %q without a serial number", label)
	}
	return "with serial " + id
}

// Labelled lists the initialised tokens with the given label.
func (m *Module) Labelled(label string) ([]Token, error) {
	found, _, err := m.tokensWhere(func(t Token) bool { return t.Initialised && t.Label == label })
	return found, err
}

// Free returns the first token that is not initialised.
func (m *Module) Free() (Token, error) {
	free, faults, err := m.tokensWhere(func(t Token) bool { return !t.Initialised })
	if err != nil {
		return Token{}, err
	}
	if len(free) == 0 {
		return Token{}, exitcode.Errorf(exitcode.HSM,
			"no free slot in %s: every token there is initialised%s", m.Path, faults).
			Hint("add an empty partition or token with the vendor's tool, then run the command again")
	}
	return free[0], nil
}

// tokensWhere returns the tokens that keep chooses, and names the slots that
// did not answer in words for the end of a message.
func (m *Module) tokensWhere(keep func(Token) bool) (found []Token, faults string, err error) {
	all, err := m.Tokens()
	for _, t := range all {
		switch {
		case t.Fault != "":
			faults += fmt.Sprintf("; slot %d does not answer (%s)", t.Slot, t.Fault)
		case keep(t):
			found = append(found, t)
		}
	}
	return found, faults, err
}

// Initialise runs C_InitToken on t: everything on it is destroyed, its SO PIN
// becomes soPIN and its label label. On an initialised token soPIN must be
// the present SO PIN. The token is found again by its label, which therefore
// must be new or t's own, because the slot number may have changed.
func (m *Module) Initialise(t Token, soPIN *secret.Bytes, label string) (Token, error) {
	if err := m.p.InitToken(t.Slot, soPIN.Text(), label); err != nil {
		return Token{}, p11.Fail(fmt.Sprintf("C_InitToken on slot %d for %q", t.Slot, label), err)
	}
	found, err := m.Labelled(label)
	if err != nil {
		return Token{}, err
	}
	if len(found) == 0 { // NSS softoken
		return Token{}, exitcode.Errorf(exitcode.HSM,
			"C_InitToken on slot %d was accepted, but afterwards no initialised token is labelled %q", t.Slot, label).
			Hint("use another module; byok-offline module check --module-path %s says what this one lacks", term.Quote(m.Path))
	}
	if len(found) > 1 {
		return Token{}, exitcode.Errorf(exitcode.HSM,
			"after C_InitToken %d tokens are labelled %q instead of one", len(found), label)
	}
	return found[0], nil
}
