package shared

import (
	"fmt"
	"io"
	"strings"

	"byok/internal/anatomy"
	"byok/internal/term"
)

// explainView is what arithmetic says about a .byok.
type explainView struct {
	File string `json:"file"`
	anatomy.Report
}

// Print implements [command.Result].
func (v explainView) Print(w io.Writer) error {
	rows := [][]string{{"file", v.File}}
	if v.KEK != "" {
		rows = append(rows, []string{"KEK", v.KEK})
	}
	if v.Length > 0 {
		rows = append(rows, []string{"ciphertext", fmt.Sprintf("%d bytes", v.Length)})
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	var text strings.Builder
	paragraph := func(words, indent string) {
		for _, line := range term.Wrap(term.Printable(words), width, indent) {
			text.WriteString(line + "\n")
		}
	}
	for _, r := range v.Readings {
		paragraph(fmt.Sprintf("With a KEK of %d bits, %d bytes of RSA-OAEP and %d of RFC 5649: %s.", r.KEKBits, r.KEKBits/8,
			r.Wrapped, keysOf(r)), "  ")
	}
	text.WriteString("Likely causes, if a vault refuses it:\n")
	for i, cause := range v.Causes {
		paragraph(fmt.Sprintf("%d. %s", i+1, cause), "   ")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func keysOf(r anatomy.Reading) string {
	var all []string
	all = append(all, r.Keys...)
	for _, k := range r.Others {
		all = append(all, k+" (refused)")
	}
	if len(all) == 0 {
		return "no key of such a length"
	}
	return strings.Join(all, "; ")
}
