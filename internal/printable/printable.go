// Package printable is the one rule for text of foreign origin: a name, a
// label or a generator is one line of visible characters, and can neither
// steer a terminal nor break a log.
//
// Use [Check] where such text is read or taken from a person, [Escape] where
// text that was not checked is shown, and [Quote] where a name goes into a
// command line. [Count] words a number of things. Package term escapes all that
// it prints; package command puts what goes to stdout through [Lines] or [JSON],
// in case a result did not, and neither can know a line end that is foreign.
package printable

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Escape returns s on one line of visible characters: line ends, control and
// formatting characters (ANSI sequences, bidirectional overrides) and invalid
// UTF-8 are written as Go escapes such as \n, \x1b or \u202e.
func Escape(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := leading(s)
		if n > 0 {
			b.WriteString(s[:n])
		} else {
			_, n = utf8.DecodeRuneInString(s)
			b.WriteString(strings.Trim(strconv.QuoteToASCII(s[:n]), `"`))
		}
		s = s[n:]
	}
	return b.String()
}

// Lines is [Escape] for text of several lines: the line ends stay.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = Escape(line)
	}
	return strings.Join(lines, "\n")
}

// JSON returns a JSON text with the same meaning, in which no character can
// steer a terminal: what is not visible, besides the line end, is written as
// \uXXXX (RFC 8259, section 7). Encoders escape no more than they must, and
// leave DEL, the control characters above U+007F, and formatting characters as
// they are.
func JSON(text []byte) []byte {
	clean := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch first, second := utf16.EncodeRune(r); {
		case r == '\n' || unicode.IsPrint(r):
			clean = append(clean, string(r)...)
		case first != utf8.RuneError:
			clean = fmt.Appendf(clean, `\u%04x\u%04x`, first, second)
		default:
			clean = fmt.Appendf(clean, `\u%04x`, r)
		}
		text = text[n:]
	}
	return clean
}

// Is reports whether s is one line of visible characters: valid UTF-8, of
// which every character is printable as Go defines it (unicode.IsPrint). The
// only blank is the ASCII space. The empty string is one.
func Is(s string) bool {
	for len(s) > 0 {
		n := leading(s)
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return true
}

// Check returns an error, to be put behind the field's name, unless s is one
// line of visible characters, of at least one and at most limit bytes of UTF-8,
// that neither begins nor ends with a blank. The error does not quote s.
func Check(s string, limit int) error {
	switch {
	case s == "":
		return errors.New("it is empty")
	case len(s) > limit:
		return fmt.Errorf("it has %d bytes; at most %d are allowed", len(s), limit)
	case !Is(s):
		return errors.New("it is not one line of printable characters")
	case strings.TrimSpace(s) != s:
		return errors.New("it begins or ends with a blank")
	}
	return nil
}

// Count returns n things in words, for a thing whose plural ends in s: "1 card",
// "0 cards".
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// leading returns the length of the first character of s if that is visible,
// and 0 otherwise.
func leading(s string) int {
	r, n := utf8.DecodeRuneInString(s)
	if !unicode.IsPrint(r) || r == utf8.RuneError && n == 1 {
		return 0
	}
	return n
}
