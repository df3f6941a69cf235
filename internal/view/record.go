package view

import (
	"fmt"
	"io"
	"strconv"

	"byok/internal/kmdata"
	"byok/internal/printable"
	"byok/internal/stamp"
	"byok/internal/term"
)

// Seal says what was sealed, for the paper record.
type Seal struct {
	By        string `json:"signed_by"`
	Lines     int    `json:"lines,omitzero"`
	Statement int    `json:"statement,omitzero"`
	Words     string `json:"words"`
}

// Print writes what goes on the paper record.
func (v Seal) Print(w io.Writer) error {
	rows := [][]string{{"sealed by", v.By}}
	if v.Statement > 0 {
		rows = append(rows, []string{"statement", strconv.Itoa(v.Statement)})
	} else {
		rows = append(rows, []string{"log lines", strconv.Itoa(v.Lines)})
	}
	return term.Table(w, append(rows, []string{"write down", v.Words}))
}

// Passphrase names the card whose passphrase was changed.
type Passphrase struct {
	Card string `json:"card"`
}

// Print writes the name of the card.
func (v Passphrase) Print(w io.Writer) error {
	return term.Table(
		w,
		[][]string{
			{"passphrase changed", v.Card},
			{"still open", "every earlier copy of the card, with its old passphrase"},
		},
	)
}

// Retired says what was destroyed.
type Retired struct{ kmdata.Retired }

// Print writes how many objects were destroyed.
func (v Retired) Print(w io.Writer) error {
	return term.Table(w, [][]string{
		{
			"retired",
			kmdata.KeyName(kmdata.Simple, v.Ident),
		}, {"objects destroyed", strconv.Itoa(v.Destroyed)}, {"module", v.Module},
		{"retired at", stamp.Text(v.Created)}, {"still there", "its key file with the backup: K cards can bring it back"},
	})
}

// Dump is a file whose signature is good.
type Dump struct {
	Signer  string `json:"signed_by"`
	Content string `json:"content"`
}

// Exact implements [command.Exact].
func (Dump) Exact() {}

// Print writes the file as it is, but for what could steer a terminal.
func (v Dump) Print(w io.Writer) error {
	if _, err := w.Write(printable.JSON([]byte(v.Content))); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "signature  good, by %s\n", term.Printable(v.Signer))
	return err
}
