package command

import (
	"bytes"
	"regexp"
	"strings"
)

var frame = regexp.MustCompile(`(?m)^([\w./*()-]+)\(`)

// functions reduces a panic's stack trace to the names of the project's own
// functions, from the one that failed outwards.
func functions(stack []byte) string {
	var names []string
	_, failed, _ := bytes.Cut(stack, []byte("\npanic("))
	for _, m := range frame.FindAllSubmatch(failed, -1) {
		if name := string(m[1]); strings.HasPrefix(name, "byok/") || strings.HasPrefix(name, "main.") {
			names = append(names, name)
		}
	}
	return strings.Join(names, " < ")
}
