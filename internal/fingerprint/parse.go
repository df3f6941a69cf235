package fingerprint

import (
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/xrash/smetrics"

	"byok/internal/exitcode"
	"byok/internal/printable"
)

// Parse reads a sum that a person typed or pasted: 64 hex digits, or 32 words
// of the PGP word list. Case, blanks, line ends, colons, commas, full stops
// and dashes do not matter, and the rows of words may carry their numbers. Before
// the digits sha256: may stand, and a file's name after them, as sha256sum writes
// it. An
// error is of status Usage and says which digit or word is wrong, counted from
// 1, with the nearest word of the list if one is near.
func Parse(text string) (Sum, error) {
	if m := ofATool.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	parts := strings.FieldsFunc(text, isSeparator)
	if len(parts) == 0 {
		return Sum{}, exitcode.Errorf(exitcode.Usage, "the fingerprint is empty")
	}
	if looksHex(parts) {
		return parseHex(strings.Join(parts, ""))
	}
	return parseWords(parts)
}

// ofATool is a sum as tools write it: sha256sum's line, or an image's digest.
var ofATool = regexp.MustCompile(`^\s*(?i:sha256:)?([0-9A-Fa-f]{64})(?:\s*| [ *][^\n]+\n?)$`)

func isSeparator(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Dash, r) || strings.ContainsRune(":,.", r)
}

// looksHex reports whether parts are hex and not words, even if some of it is mistyped: no word has a
// digit, and no word is made of the letters a to f alone.
func looksHex(parts []string) bool {
	onlyHex := true
	for _, p := range parts {
		if strings.ContainsAny(p, "0123456789") && !isRowNumber(p) {
			return true
		}
		onlyHex = onlyHex && strings.Trim(strings.ToLower(p), "0123456789abcdef") == ""
	}
	return onlyHex
}

func isRowNumber(p string) bool { return len(p) == 1 && p >= "1" && p <= "8" }

func parseHex(digits string) (Sum, error) {
	var s Sum
	count := 0
	for _, r := range digits {
		if count++; !unicode.Is(unicode.ASCII_Hex_Digit, r) {
			return s, exitcode.Errorf(exitcode.Usage,
				"digit %d of the fingerprint, %q, is not a hex digit", count, string(r))
		}
	}
	if count != 2*len(s) {
		return s, exitcode.Errorf(exitcode.Usage, "the fingerprint has %s, not %d",
			printable.Count(count, "hex digit"), 2*len(s))
	}
	_, err := hex.Decode(s[:], []byte(digits))
	return s, err
}

func parseWords(parts []string) (Sum, error) {
	s, n, err := readWords(parts)
	if err != nil {
		return Sum{}, err
	}
	if n != len(s) {
		return Sum{}, exitcode.Errorf(exitcode.Usage, "the fingerprint has %s, not %d", printable.Count(n, "word"), len(s))
	}
	return s, nil
}

// readWords returns the bytes that the words stand for, and their number,
// which may be more than a sum holds.
func readWords(parts []string) (s Sum, n int, err error) {
	for _, p := range parts {
		if isRowNumber(p) {
			if before := int(p[0]-'1') * wordsInRow; n != before {
				return Sum{}, 0, exitcode.Errorf(exitcode.Usage,
					"row number %s of the fingerprint comes after %s, not %d", p, printable.Count(n, "word"), before)
			}
			continue
		}
		i, err := lookUp(p, n)
		if err != nil {
			return Sum{}, 0, err
		}
		if n < len(s) {
			s[n] = byte(i)
		}
		n++
	}
	return s, n, nil
}

// lookUp returns the index of a word at an offset from 0.
func lookUp(word string, offset int) (int, error) {
	same := func(w string) bool { return strings.EqualFold(w, word) }
	list, other := listAt(offset), listAt(offset+1)
	if i := slices.IndexFunc(list, same); i >= 0 {
		return i, nil
	}
	shown := clip(word)
	if slices.ContainsFunc(other, same) {
		return 0, exitcode.Errorf(exitcode.Usage,
			"word %d of the fingerprint, %q, is out of place: a word before it is missing, doubled or swapped",
			offset+1, shown)
	}
	if near, ok := nearest(word, list); ok {
		return 0, exitcode.Errorf(exitcode.Usage,
			"word %d of the fingerprint, %q, is not on the word list: did you mean %q?", offset+1, shown, near)
	}
	return 0, exitcode.Errorf(exitcode.Usage, "word %d of the fingerprint, %q, is not on the word list", offset+1,
		shown)
}

// maxShown is longer than any word of the list, in characters.
const maxShown = 20

func clip(word string) string {
	if utf8.RuneCountInString(word) <= maxShown {
		return word
	}
	return string([]rune(word)[:maxShown]) + "…"
}

// nearest finds the word on the list with the fewest letters to change, if
// those are at most two and less than half of it.
func nearest(word string, list []string) (near string, ok bool) {
	if len(word) > maxShown {
		return "", false
	}
	best := 3
	for _, w := range list {
		if d := smetrics.WagnerFischer(strings.ToLower(word), strings.ToLower(w), 1, 1, 1); d < best && 2*d < len(w) {
			near, best = w, d
		}
	}
	return near, near != ""
}
