package markup

import "cmp"

// policy is the content security policy (W3C, CSP level 3) of every page: it loads
// nothing and runs nothing.
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

// Page returns a whole page in English: its title, its style sheet and its body.
func Page(title string, style, body HTML) HTML {
	return Of(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="`+policy+`">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>`, Plain(title), `</title>
<style>
`, style, `</style>
</head>
<body>
`, body, `</body>
</html>
`)
}

// Column is a column of a table.
type Column struct {
	Title HTML   // in the table's head
	Label HTML   // before a cell, where a narrow page has cells below one another; "" for Title
	Class string // of the cells in the head: the width, by the style sheet; "" for none
	Cells string // class of the cells below; "" for none
}

// Table is a table's columns.
type Table struct {
	Class   string // of the style sheet; "" for none
	Columns []Column
}

// Of returns the table with a row for each element, whose cells are in the order of
// the columns.
func (t Table) Of(rows ...[]HTML) HTML {
	head := Each(t.Columns, func(c Column) HTML { return Of("<th", class(c.Class), ">", c.Title, "</th>") })
	return Of("<table", class(t.Class), "><thead><tr>", head, "</tr></thead>\n", Each(rows, t.row), "</table>")
}

func (t Table) row(cells []HTML) HTML {
	var row HTML
	for i, cell := range cells {
		c := t.Columns[i]
		row += Of(`<td data-l="`, cmp.Or(c.Label, c.Title), `"`, class(c.Cells), ">", cell, "</td>")
	}
	return Of("<tr>", row, "</tr>\n")
}

func class(name string) HTML { return If(name != "", ` class="`, Plain(name), `"`) }

// Rows returns the rows of a [Table]: what one makes of each element.
func Rows[T any](list []T, one func(T) []HTML) [][]HTML {
	rows := make([][]HTML, len(list))
	for i, element := range list {
		rows[i] = one(element)
	}
	return rows
}
