// Package pkcs11uri reads the PKCS#11 URIs (RFC 7512) that name a token:
// pkcs11:token=LABEL;manufacturer=M;model=M;serial=S;slot-id=N, in any order.
//
// A URI that names anything else, such as an object, a library or a PIN, is
// refused: PINs never come from a command line.
package pkcs11uri

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"byok/internal/exitcode"
)

// Scheme begins every PKCS#11 URI.
const Scheme = "pkcs11:"

// URI names every token that has what it gives. A part that is nil is not
// given; an empty one names a token where that field is empty.
type URI struct {
	Token        *string // label
	Manufacturer *string
	Model        *string
	Serial       *string
	Slot         *uint // number that the library gives the slot
}

// part is a part of the path (RFC 7512, section 2.3).
type part struct {
	name string
	room int // bytes of the field in CK_TOKEN_INFO; 0 for a number
	of   func(*URI) **string
}

var parts = []part{
	{"token", 32, func(u *URI) **string { return &u.Token }},
	{"manufacturer", 32, func(u *URI) **string { return &u.Manufacturer }},
	{"model", 16, func(u *URI) **string { return &u.Model }},
	{"serial", 16, func(u *URI) **string { return &u.Serial }},
	{slotID, 0, nil},
}

const slotID = "slot-id"

// Parse reads a URI. The error has the status Usage, and quotes no value.
func Parse(text string) (URI, error) {
	var u URI
	if !Is(text) {
		return u, refuse("it must begin with %s", Scheme)
	}
	path, _, query := strings.Cut(text[len(Scheme):], "?")
	if query {
		return u, refuse("what follows the ? is not accepted: a PIN is typed or comes from --pin-file, " +
			"and the library from --module-path")
	}
	if path == "" {
		return u, refuse("it is empty: expected %s", expected)
	}
	var given []string
	for word := range strings.SplitSeq(path, ";") {
		name, value, _ := strings.Cut(word, "=")
		if slices.Contains(given, name) {
			return URI{}, refuse("%s is given twice", name)
		}
		given = append(given, name)
		if err := u.set(name, value, strings.Contains(word, "=")); err != nil {
			return URI{}, err
		}
	}
	return u, nil
}

// Is reports whether text claims to be a PKCS#11 URI. The scheme has no case
// (RFC 3986, section 3.1).
func Is(text string) bool {
	return len(text) >= len(Scheme) && strings.EqualFold(text[:len(Scheme)], Scheme)
}

const expected = "token, manufacturer, model, serial or slot-id"

func refuse(format string, args ...any) error {
	return exitcode.Errorf(exitcode.Usage, "PKCS#11 URI: %s", fmt.Sprintf(format, args...)).
		Hint("such as pkcs11:token=LABEL;serial=SERIAL, in quotes; byok-offline module list shows the tokens")
}

// set takes one part.
func (u *URI) set(name, value string, valued bool) error {
	i := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
	switch {
	case i < 0:
		return refuse("%.40q does not name a token: expected %s", name, expected)
	case !valued:
		return refuse("%s has no value", name)
	}
	plain, err := decode(name, value)
	switch {
	case err != nil:
		return err
	case name == slotID:
		return u.setSlot(plain)
	case len(plain) > parts[i].room:
		return refuse("%s of %d bytes: at most %d fit", name, len(plain), parts[i].room)
	}
	*parts[i].of(u) = &plain
	return nil
}

func (u *URI) setSlot(text string) error {
	n, err := strconv.ParseUint(text, 10, strconv.IntSize)
	if err != nil {
		return refuse("%s is not a number", slotID)
	}
	slot := uint(n)
	u.Slot = &slot
	return nil
}

// decode undoes the percent-encoding of a value. Fields are UTF-8, or the part
// of it that PKCS#11 calls characters.
func decode(name, value string) (string, error) {
	var plain strings.Builder
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '%':
			n, err := strconv.ParseUint(value[i+1:min(i+3, len(value))], 16, 8)
			if err != nil || i+2 >= len(value) || value[i+1] == '+' {
				return "", refuse("%s: a %% is not followed by two hex digits", name)
			}
			plain.WriteByte(byte(n))
			i += 2
		case !allowed(c):
			return "", refuse("%s: %q must be written as %%%02X", name, c, c)
		default:
			plain.WriteByte(c)
		}
	}
	text := plain.String()
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return "", refuse("%s is not UTF-8 text", name)
	}
	return text, nil
}

// allowed reports whether a byte stands for itself in a part of the path
// (pk11-pchar in RFC 7512, section 2.3).
func allowed(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~:[]@!$'()*+,=&", c) >= 0
}

// String is the URI, which [Parse] reads.
func (u URI) String() string {
	var words []string
	for _, p := range parts {
		if p.of == nil {
			continue
		}
		if value := *p.of(&u); value != nil {
			words = append(words, p.name+"="+encode(*value))
		}
	}
	if u.Slot != nil {
		words = append(words, slotID+"="+strconv.FormatUint(uint64(*u.Slot), 10))
	}
	return Scheme + strings.Join(words, ";")
}

func encode(plain string) string {
	var text strings.Builder
	for i := range len(plain) {
		if c := plain[i]; allowed(c) {
			text.WriteByte(c)
		} else {
			fmt.Fprintf(&text, "%%%02X", c)
		}
	}
	return text.String()
}
