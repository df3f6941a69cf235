package onlineview

import (
	"fmt"
	"io"
	"strings"

	"byok/internal/audit"
	"byok/internal/term"
)

// Audit is what an audit of a bundle found.
type Audit struct{ audit.Report }

// Print implements [command.Result].
func (a Audit) Print(w io.Writer) error {
	var b strings.Builder
	for _, l := range a.Lines {
		word := "pass"
		if !l.Pass {
			word = "FAIL"
		}
		fmt.Fprintf(&b, "%s  %s\n", word, term.Printable(l.What))
		if l.Says != "" {
			fmt.Fprintf(&b, "      %s\n", term.Printable(l.Says))
		}
	}
	if len(a.People) > 0 {
		b.WriteString("These rest on people:\n")
	}
	for _, p := range a.People {
		fmt.Fprintf(&b, "      %s\n", term.Printable(p))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
