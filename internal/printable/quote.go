package printable

import "strings"

// Quote returns s as one word of a command line, for a hint that is pasted into
// this system's shell (a POSIX shell; on Windows PowerShell or, as far as it can
// be, cmd.exe): in quotes unless that is needless, and with "./" before a leading
// dash, so that a file's name is not taken for an option. Use it for every file,
// key, label and URL in a hint, and not for an option or a number.
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
	return quoted(s)
}
