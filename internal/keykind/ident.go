package keykind

import (
	"regexp"

	"byok/internal/exitcode"
)

// maxAppIdent is the legacy nCipher tool's limit on application and identifier
// together, in characters.
const maxAppIdent = 80

// longestApp is the longest application that a key file belongs to: that of
// the reduced-permission copy, key_xferacld_<ident>.
const longestApp = "xferacld"

var identShape = regexp.MustCompile(`^[0-9a-z-]+$`)

// CheckIdent refuses a key identifier that cannot be used with every
// application: one of digits, dashes and lower-case letters, at most 72
// characters. The error has the status Usage.
func CheckIdent(ident string) error { return CheckIdentOf(longestApp, ident) }

// CheckIdentOf refuses an application and a key identifier unless both are
// digits, dashes and lower-case letters, together at most 80 characters. The
// error has the status Usage.
func CheckIdentOf(app, ident string) error {
	switch {
	case !identShape.MatchString(app):
		return exitcode.Errorf(exitcode.Usage, "application %.100q: expected digits, dashes and lower-case letters",
			app)
	case ident == "":
		return exitcode.Errorf(exitcode.Usage, "the key identifier is empty")
	case !identShape.MatchString(ident):
		return exitcode.Errorf(exitcode.Usage,
			"key identifier %.100q: expected digits, dashes and lower-case letters", ident)
	case len(app)+len(ident) > maxAppIdent:
		return exitcode.Errorf(exitcode.Usage,
			"key identifier %.100q: %d characters, and at most %d go with the application %s", ident, len(ident),
			maxAppIdent-len(app), app)
	}
	return nil
}
