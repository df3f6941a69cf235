package tokens

import (
	"fmt"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/secret"
	"byok/internal/term"
)

// Slots are the slots of a loaded library, and the tokens in them.
type Slots struct {
	p    *pkcs11.Ctx
	path string // of the library, for messages
}

// New returns the slots of the initialised library p, which was loaded from
// path.
func New(p *pkcs11.Ctx, path string) Slots { return Slots{p, path} }

// Tokens lists the tokens present, initialised or not, in slot order. A slot
// that does not answer is listed with its Fault: one device that is switched
// off does not hide the others.
func (s Slots) Tokens() ([]Token, error) {
	slots, err := s.p.GetSlotList(true)
	if err != nil {
		return nil, p11.Fail("C_GetSlotList of "+s.path, err)
	}
	tokens := make([]Token, len(slots))
	for i, slot := range slots {
		tokens[i] = s.tokenIn(slot)
	}
	return tokens, nil
}

func (s Slots) tokenIn(slot uint) Token {
	info, err := s.p.GetTokenInfo(slot)
	if err != nil {
		return Token{Slot: slot, Fault: p11.Named(err).Error()}
	}
	trim := func(text string) string { return strings.TrimRight(text, " \x00") }
	return Token{
		Slot:         slot,
		Label:        trim(info.Label),
		Manufacturer: trim(info.ManufacturerID),
		Model:        trim(info.Model),
		Serial:       trim(info.SerialNumber),
		Firmware:     Version(info.FirmwareVersion),
		Initialised:  info.Flags&pkcs11.CKF_TOKEN_INITIALIZED != 0,
		flags:        info.Flags,
		minPIN:       info.MinPinLen,
		maxPIN:       info.MaxPinLen,
	}
}

// Version returns a version as the standard writes it, such as 2.40.
func Version(v pkcs11.Version) string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Token finds the initialised token with the given [Token.ID]; there must be
// exactly one.
func (s Slots) Token(id string) (Token, error) {
	found, faults, err := s.tokensWhere(func(t Token) bool { return t.Initialised && t.ID() == id })
	switch {
	case err != nil:
		return Token{}, err
	case len(found) == 0:
		return Token{}, exitcode.Errorf(exitcode.HSM, "no token %s in %s%s", serialOr(id), s.path, faults).
			Hint("connect the HSM that holds this security world, then byok-offline module list --module-path %s",
				term.Quote(s.path))
	case len(found) > 1:
		return Token{}, exitcode.Errorf(exitcode.HSM, "%d tokens %s in %s: one cannot be distinguished from the other",
			len(found), serialOr(id), s.path)
	}
	return found[0], nil
}

// Again reads the token again, from the slot where it was, or from another one
// if it is there now.
func (s Slots) Again(t Token) (Token, error) {
	if now := s.tokenIn(t.Slot); now.Initialised && now.ID() == t.ID() {
		return now, nil
	}
	return s.Token(t.ID())
}

// serialOr puts an ID into words.
func serialOr(id string) string {
	if label, ok := strings.CutPrefix(id, labelPrefix); ok {
		return fmt.Sprintf("labelled %q without a serial number", label)
	}
	return "with serial " + id
}

// Labelled lists the initialised tokens with the given label.
func (s Slots) Labelled(label string) ([]Token, error) {
	found, _, err := s.tokensWhere(func(t Token) bool { return t.Initialised && t.Label == label })
	return found, err
}

// Free returns the first token that is not initialised.
func (s Slots) Free() (Token, error) {
	free, faults, err := s.tokensWhere(func(t Token) bool { return !t.Initialised })
	if err != nil {
		return Token{}, err
	}
	if len(free) == 0 {
		return Token{}, exitcode.Errorf(exitcode.HSM,
			"no free slot in %s: every token there is initialised%s", s.path, faults).
			Hint("add an empty partition or token with the vendor's tool, then run the command again")
	}
	return free[0], nil
}

// tokensWhere returns the tokens that keep chooses, and names the slots that
// did not answer in words for the end of a message.
func (s Slots) tokensWhere(keep func(Token) bool) (found []Token, faults string, err error) {
	all, err := s.Tokens()
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
func (s Slots) Initialise(t Token, soPIN *secret.Bytes, label string) (Token, error) {
	if err := s.p.InitToken(t.Slot, soPIN.Text(), label); err != nil {
		return Token{}, p11.Fail(fmt.Sprintf("C_InitToken on slot %d for %q", t.Slot, label), err)
	}
	found, err := s.Labelled(label)
	if err != nil {
		return Token{}, err
	}
	if len(found) == 0 { // NSS softoken
		return Token{}, exitcode.Errorf(exitcode.HSM,
			"C_InitToken on slot %d was accepted, but afterwards no initialised token is labelled %q", t.Slot, label).
			Hint("use another module; byok-offline module check --module-path %s says what this one lacks", term.Quote(s.path))
	}
	if len(found) > 1 {
		return Token{}, exitcode.Errorf(exitcode.HSM,
			"after C_InitToken %d tokens are labelled %q instead of one", len(found), label)
	}
	return found[0], nil
}
