//go:build !windows

package printable

import (
	"regexp"
	"strings"
)

// plain is what no POSIX shell gives a meaning to.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]+$`)

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
