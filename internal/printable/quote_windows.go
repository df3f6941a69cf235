package printable

import (
	"regexp"
	"strings"
)

// plain is what neither PowerShell nor cmd.exe gives a meaning to.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./:\\+=-]+$`)

// quoted uses double quotes, which both shells take, unless PowerShell would
// find a variable in them: it alone takes single ones. The last backslash before
// a quote is doubled, as programs read their command line (CommandLineToArgvW).
func quoted(s string) string {
	if strings.ContainsAny(s, "$`\"") {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	if strings.HasSuffix(s, `\`) {
		s += `\`
	}
	return `"` + s + `"`
}
