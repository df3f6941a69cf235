package onlineview

import (
	"fmt"
	"io"

	"byok/internal/fingerprint"
	"byok/internal/term"
)

// DryRun is the ceremony of a plan that was held on this computer, to its end or to
// the step that failed.
type DryRun struct {
	Transcript string          `json:"transcript"`
	Plan       fingerprint.Sum `json:"plan_sha256"`
	Kept       string          `json:"kept,omitempty"` // folder of all that was made
}

// Print implements [command.Result].
func (d DryRun) Print(w io.Writer) error {
	text := term.Printable(d.Transcript) + " written: every command and what it said\n"
	if d.Kept != "" {
		text += term.Printable(d.Kept) + " holds what was made; none of it counts\n"
	}
	_, err := fmt.Fprint(w, text)
	return err
}
