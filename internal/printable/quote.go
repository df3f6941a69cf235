package printable

import (
	"regexp"
	"strings"
)

// plain is what no POSIX shell gives a meaning to.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]+$`)

// Quote returns s as one word of a command line, for a hint that is pasted
// into a POSIX shell: in single quotes unless that is needless, and with "./"
// before a leading dash, so that a file's name is not taken for an option. Use
// it for every file, key, label and URL in a hint, and not for an option or a
// number.
//
// A character that cannot be shown stays in the word: package term escapes it,
// and what is pasted then names no file, rather than another one.
func Quote(s string) string {
	if strings.HasPrefix(s, "-") {
		s = "./" + s
	}
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
