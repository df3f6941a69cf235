package view

import (
	"fmt"
	"io"

	"byok/internal/printable"
	"byok/internal/term"
)

// Bundle is a record that was put into one folder.
type Bundle struct {
	Folder   string `json:"folder"`
	Files    int    `json:"files"` // besides the list of hashes and its signature
	Packages int    `json:"packages"`
}

// Print implements [command.Result].
func (b Bundle) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: %s, %s in it; the module signed the list of their hashes\nto check it: sh %s\n",
		term.Printable(b.Folder), printable.Count(b.Files, "file"), printable.Count(b.Packages, "package"),
		term.Printable(printable.Quote(b.Folder+"/check.sh")))
	return err
}
