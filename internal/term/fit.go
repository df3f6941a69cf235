package term

import (
	"slices"
	"strings"
)

// Fit returns the lines of a result as they fit on the terminal that Out is: a
// row of a table that is too wide goes on below the beginning of its last cell,
// a fingerprint in two rows of four groups. Where Out is no terminal, text stays
// as it is.
func (c *Console) Fit(text string) string { return fit(text, widthOf(c.Out)) }

func fit(text string, width int) string {
	if width <= 0 {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, end := strings.CutSuffix(line, "\n")
		b.WriteString(strings.Join(fitLine(line, width), "\n"))
		if end {
			b.WriteString("\n")
		}
	}
	return b.String()
}

func fitLine(line string, width int) []string {
	if Columns(line) <= width {
		return []string{line}
	}
	at := lastCell(line, width/2)
	cell, indent := line[at:], strings.Repeat(" ", Columns(line[:at]))
	if at == 0 {
		indent = "    "
	}
	if half, ok := halves(cell, width-len(indent)); ok {
		return []string{line[:at] + half[0], indent + half[1]}
	}
	return Wrap(line, width, indent)
}

// lastCell returns where the last cell of a row begins that begins within width
// columns: behind two blanks or more.
func lastCell(line string, width int) int {
	for at := len(line) - 1; at > 1; at-- {
		if line[at] != ' ' && line[at-2:at] == "  " && Columns(line[:at]) <= width {
			return at
		}
	}
	return 0
}

// halves splits the eight groups of a fingerprint into two rows.
func halves(cell string, width int) ([2]string, bool) {
	groups := strings.Split(cell, " ")
	const count, digits = 8, 8
	other := slices.ContainsFunc(groups, func(g string) bool {
		return len(g) != digits || strings.Trim(g, "0123456789abcdef") != ""
	})
	if len(groups) != count || other || width < len(cell)/2 {
		return [2]string{}, false
	}
	return [2]string{strings.Join(groups[:count/2], " "), strings.Join(groups[count/2:], " ")}, true
}
