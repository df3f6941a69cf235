package tokens

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/native"
	"byok/internal/hsm/p11"
	"byok/internal/secret"
	"byok/internal/term"
)

// Slots are the slots of a loaded library, and the tokens in them.
type Slots struct {
	p      *pkcs11.Ctx
	native *native.Library
	path   string // of the library, for messages
}

// New returns the slots of the initialised library, which was loaded from path
// and is open twice.
func New(p *pkcs11.Ctx, n *native.Library, path string) Slots { return Slots{p, n, path} }

// Tokens lists the tokens present, initialised or not, in slot order. A slot
// that does not answer is listed with its Fault: one device that is switched
// off does not hide the others.
func (s Slots) Tokens() ([]Token, error) {
	slots, err := s.p.GetSlotList(true)
	if err != nil {
		return nil, p11.Unreached(p11.Fail("C_GetSlotList of "+s.path, err))
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
	trim := func(text string) string { return strings.TrimRight(text, padding) }
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
		sessions:     min(info.MaxSessionCount-1, info.MaxRwSessionCount-1),
		nulPadded:    strings.HasSuffix(info.SerialNumber, "\x00"),
	}
}

// Version returns a version as the standard writes it, such as 2.40.
func Version(v pkcs11.Version) string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Labelled lists the initialised tokens with the given label.
func (s Slots) Labelled(label string) ([]Token, error) {
	label = strings.TrimRight(label, padding)
	found, _, err := s.tokensWhere(func(t Token) bool { return t.Initialised && t.Label == label })
	return found, err
}

// Free returns the first token that is not initialised.
func (s Slots) Free() (Token, error) {
	free, faults, err := s.tokensWhere(func(t Token) bool { return !t.Initialised })
	if err != nil {
		return Token{}, err
	}
	if len(free) > 0 {
		return free[0], nil
	}
	const hint = "add an empty partition or token with the vendor's tool, then run the command again"
	all, _, err := s.tokensWhere(func(Token) bool { return true })
	if err == nil && len(all) == 0 {
		return Token{}, p11.Unreached(exitcode.Errorf(exitcode.HSM, "no token in %s%s", s.path, faults).Hint(hint))
	}
	return Token{}, exitcode.Errorf(exitcode.HSM,
		"no free slot in %s: every token there is initialised%s", s.path, faults).Hint(hint)
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
// the present SO PIN. Its slot and serial number may be others afterwards: it is
// the token of that label which is in the same slot, or was not there before.
func (s Slots) Initialise(t Token, soPIN *secret.Bytes, label string) (Token, error) {
	before, err := s.Labelled(label)
	if err != nil {
		return Token{}, err
	}
	if err := s.initToken(t, soPIN, label); err != nil {
		return Token{}, unmade(p11.Contact(p11.Fail(fmt.Sprintf("C_InitToken on slot %d for %q", t.Slot, label), err)))
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
	if fresh := made(t, before, found); len(fresh) == 1 {
		return fresh[0], nil
	}
	return Token{}, exitcode.Errorf(exitcode.HSM,
		"after C_InitToken %d tokens are labelled %q instead of one", len(found), label)
}

// unmade says what to do where only an HSM's administrator may initialise a token.
func unmade(err error) error {
	if !p11.Is(err, pkcs11.CKR_USER_NOT_LOGGED_IN) {
		return err
	}
	return exitcode.Hint(err, "log the HSM's administrator in with the vendor's tool, and run the command again; "+
		"or initialise the token with it, and name that with --adopt")
}

// made picks the token that was t from those that have its label now.
func made(t Token, before, now []Token) []Token {
	if len(now) == 1 {
		return now
	}
	known := func(o Token) bool {
		return slices.ContainsFunc(before, func(b Token) bool { return b.ID() == o.ID() && b.ID() != t.ID() })
	}
	return slices.DeleteFunc(now, known)
}
