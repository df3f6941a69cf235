package view

import (
	"byok/internal/confine"
	"byok/internal/term"
	"io"
)

// Confinement is the table, and whether every row of it holds.
type Confinement struct {
	OK   bool          `json:"ok"`
	Rows []confine.Row `json:"rows"`
}

// Print writes a row a restriction.
func (v Confinement) Print(w io.Writer) error {
	var rows [][]string
	for _, row := range v.Rows {
		mark := "yes"
		if !row.OK {
			mark = "NO"
		}
		rows = append(rows, []string{row.Name, mark, row.Detail})
	}
	return term.Table(w, rows)
}
