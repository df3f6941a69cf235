package term

import (
	"io"
	"strings"
)

// Table writes rows in aligned columns, two spaces apart and without trailing
// blanks. Rows may differ in length. Cells are made Printable; their width is
// that of [Columns].
func Table(w io.Writer, rows [][]string) error {
	var widths []int
	clean := make([][]string, len(rows))
	for i, row := range rows {
		for col, cell := range row {
			cell = Printable(cell)
			clean[i] = append(clean[i], cell)
			if col == len(widths) {
				widths = append(widths, 0)
			}
			widths[col] = max(widths[col], Columns(cell))
		}
	}
	var b strings.Builder
	for _, row := range clean {
		b.WriteString(strings.TrimRight(joined(row, widths), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func joined(row []string, widths []int) string {
	var b strings.Builder
	for col, cell := range row {
		b.WriteString(Pad(cell, widths[col]+2))
	}
	return b.String()
}
