package fingerprint

import (
	"bytes"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/printable"
)

// Prefix is what a person knows of a sum: all of it, or its first words. The
// zero Prefix is nothing, and belongs to no sum.
type Prefix struct {
	words int // 1 to 32; 0 for nothing
	sum   Sum // zero beyond the words
}

// ParsePrefix reads how a sum begins, as [Parse] reads a whole one: at least
// the first least words (1 to 32) of the word list, or all 64 hex digits. An
// error has the status Usage.
func ParsePrefix(text string, least int) (Prefix, error) {
	parts := strings.FieldsFunc(text, isSeparator)
	if len(parts) == 0 || looksHex(parts) {
		sum, err := Parse(text)
		if err != nil {
			return Prefix{}, err
		}
		return Whole(sum), nil
	}
	sum, n, err := readWords(parts)
	switch {
	case err != nil:
		return Prefix{}, err
	case n < least:
		return Prefix{}, exitcode.Errorf(exitcode.Usage,
			"the fingerprint has %s: at least the first %d are needed", printable.Count(n, "word"), least)
	case n > len(sum):
		return Prefix{}, exitcode.Errorf(exitcode.Usage, "the fingerprint has %d words, more than %d", n, len(sum))
	}
	return Prefix{n, sum}, nil
}

// Whole returns the prefix that is all of a sum.
func Whole(sum Sum) Prefix { return Prefix{len(sum), sum} }

// Matches reports whether the sum begins as the prefix says.
func (p Prefix) Matches(sum Sum) bool {
	return p.words > 0 && bytes.Equal(p.sum[:p.words], sum[:p.words])
}

// Words returns how many words are known: 32 for a whole sum, 0 for nothing.
func (p Prefix) Words() int { return p.words }

// IsZero reports whether nothing is known.
func (p Prefix) IsZero() bool { return p.words == 0 }

// String returns 64 lower-case hex digits for a whole sum, and otherwise the
// words as the list spells them, one space apart.
func (p Prefix) String() string {
	if p.words == len(p.sum) {
		return p.sum.String()
	}
	return p.sum.FirstWords(p.words)
}

// MarshalText returns the prefix as [Prefix.String] does, for JSON files.
func (p Prefix) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText accepts only what [Prefix.MarshalText] returns for a prefix
// that is not zero. For what a person typed, use [ParsePrefix].
func (p *Prefix) UnmarshalText(text []byte) error {
	parsed, err := ParsePrefix(string(text), 1)
	if err != nil {
		return err
	}
	if parsed.String() != string(text) {
		return exitcode.Errorf(exitcode.Usage, "the fingerprint is not in its usual spelling, %q", parsed)
	}
	*p = parsed
	return nil
}
