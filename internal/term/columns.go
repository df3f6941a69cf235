package term

import (
	"strings"
	"unicode"
)

// Columns returns the number of columns that text takes on a terminal: two for
// each wide character of East Asian scripts and each pictograph, none for a
// mark that combines with the character before it.
func Columns(text string) int {
	columns := 0
	for _, r := range text {
		columns += columnsOf(r)
	}
	return columns
}

// Pad returns text with blanks up to a number of columns.
func Pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(columns-Columns(text), 0))
}

// wide are the characters that take two columns: those of East_Asian_Width W
// and F (Unicode Standard Annex 11), as ranges, and the pictographs.
var wide = []struct{ first, last rune }{
	{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
	{0xfe10, 0xfe19}, {0xfe30, 0xfe6f}, {0xff01, 0xff60}, {0xffe0, 0xffe6}, {0x16fe0, 0x18df2}, {0x1aff0, 0x1b2fb},
	{0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
}

func columnsOf(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	for _, w := range wide {
		if w.first <= r && r <= w.last {
			return 2
		}
	}
	return 1
}
