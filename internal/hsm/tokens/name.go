package tokens

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/pkcs11uri"
	"byok/internal/term"
)

// Name is what a person calls a token by. The zero value calls none.
type Name struct {
	words string // for messages, behind "token"
	fits  func(Token) bool
}

// Prefixes of the names that are not URIs or serial numbers.
const (
	slotPrefix  = "slot:"
	labelPrefix = "label:" // also of the [Token.ID] of a token without a serial number
)

// ParseName reads the name of a token: a PKCS#11 URI (see package pkcs11uri),
// slot:N, label:LABEL, or a serial number. Blanks and NULs that pad a field to
// its length do not belong to it. The error has the status Usage.
func ParseName(text string) (Name, error) {
	if pkcs11uri.Is(text) {
		u, err := pkcs11uri.Parse(text)
		if err != nil {
			return Name{}, err
		}
		return Name{u.String(), func(t Token) bool { return fitsURI(u, t) }}, nil
	}
	if number, ok := strings.CutPrefix(text, slotPrefix); ok {
		n, err := strconv.ParseUint(number, 10, strconv.IntSize)
		if err != nil {
			return Name{}, exitcode.Errorf(exitcode.Usage, "token %.40q: expected a number behind %s", text, slotPrefix).
				Hint("byok-offline module list shows the slots")
		}
		return Name{"in slot " + number, func(t Token) bool { return t.Slot == uint(n) }}, nil
	}
	if label, ok := strings.CutPrefix(text, labelPrefix); ok {
		label = unpadded(label)
		return Name{fmt.Sprintf("labelled %q", label), func(t Token) bool { return unpadded(t.Label) == label }}, nil
	}
	serial := unpadded(text)
	if serial == "" {
		return Name{}, exitcode.Errorf(exitcode.Usage, "the name of a token is empty").
			Hint("name one without a serial number by its slot, such as slot:1")
	}
	return Name{"with serial " + serial, func(t Token) bool { return unpadded(t.Serial) == serial }}, nil
}

// padding fills the fields of CK_TOKEN_INFO: blanks by the standard (PKCS#11
// v2.40, section 3.2), NULs in some modules, behind the text or before it.
const padding = " \x00"

func unpadded(field string) string { return strings.Trim(field, padding) }

func fitsURI(u pkcs11uri.URI, t Token) bool {
	for _, p := range []struct {
		given *string
		is    string
	}{{u.Token, t.Label}, {u.Manufacturer, t.Manufacturer}, {u.Model, t.Model}, {u.Serial, t.Serial}} {
		if p.given != nil && unpadded(*p.given) != unpadded(p.is) {
			return false
		}
	}
	return u.Slot == nil || *u.Slot == t.Slot
}

// IsZero reports whether n calls no token.
func (n Name) IsZero() bool { return n.fits == nil }

// String is the name in messages, behind the word token: "labelled "a"".
func (n Name) String() string { return n.words }

// Fits reports whether n calls t. The zero value fits every token.
func (n Name) Fits(t Token) bool { return n.IsZero() || n.fits(t) }

// Named returns the one token that n calls, initialised or not.
func (s Slots) Named(n Name) (Token, error) { return s.one(n.words, n.Fits) }

// Token finds the initialised token with the given name: see [ParseName], which
// also reads every [Token.ID]. There must be exactly one.
func (s Slots) Token(name string) (Token, error) {
	n, err := ParseName(name)
	if err != nil {
		return Token{}, err
	}
	return s.one(n.words, func(t Token) bool { return t.Initialised && n.Fits(t) })
}

// Again reads the token again, from the slot where it was, or from another one
// if it is there now. A serial number that several tokens have does not confuse
// them as long as something else in CK_TOKEN_INFO differs.
func (s Slots) Again(t Token) (Token, error) {
	if now := s.tokenIn(t.Slot); now.Initialised && now.ID() == t.ID() {
		return now, nil
	}
	same := func(o Token) bool { return o.Initialised && o.ID() == t.ID() }
	found, faults, err := s.tokensWhere(same)
	if err != nil {
		return Token{}, err
	}
	if len(found) > 1 {
		found = slices.DeleteFunc(found, func(o Token) bool {
			return o.Label != t.Label || o.Manufacturer != t.Manufacturer || o.Model != t.Model
		})
	}
	return s.only(t.words(), found, faults)
}

// FoundBySerial reports whether t is found by its serial number alone, compared
// without the blanks that pad it: no other token has it, it has no NULs behind it,
// and no slot fails to answer on the way.
func (s Slots) FoundBySerial(t Token) bool {
	all, err := s.Tokens()
	others := 0
	for _, o := range all {
		if o.Fault != "" {
			return false
		}
		if o.Serial == t.Serial {
			others++
		}
	}
	return err == nil && t.Serial != "" && !t.nulPadded && others == 1
}

// words names the token behind the word token.
func (t Token) words() string {
	if t.Serial == "" {
		return fmt.Sprintf("labelled %q without a serial number", t.Label)
	}
	return "with serial " + t.Serial
}

// one returns the one token that fits; words are for messages.
func (s Slots) one(words string, fits func(Token) bool) (Token, error) {
	found, faults, err := s.tokensWhere(fits)
	if err != nil {
		return Token{}, err
	}
	return s.only(words, found, faults)
}

func (s Slots) only(words string, found []Token, faults string) (Token, error) {
	switch {
	case len(found) == 0:
		return Token{}, p11.Unreached(exitcode.Errorf(exitcode.HSM, "no token %s in %s%s", words, s.path, faults).
			Hint("connect the HSM that holds this security world, then byok-offline module list --module-path %s",
				term.Quote(s.path)))
	case len(found) > 1:
		return Token{}, ambiguous(words, s.path, found)
	}
	return found[0], nil
}

// ambiguous refuses a name that several tokens have, and gives them others.
func ambiguous(words, path string, found []Token) error {
	slots := make([]string, len(found))
	for i, t := range found {
		slots[i] = slotPrefix + strconv.FormatUint(uint64(t.Slot), 10)
	}
	return exitcode.Errorf(exitcode.HSM, "%d tokens %s in %s: one cannot be distinguished from the other",
		len(found), words, path).
		Hint("name one by its slot: %s", strings.Join(slots, " or "))
}
