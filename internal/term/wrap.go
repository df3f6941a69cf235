package term

import (
	"io"
	"strings"

	xterm "golang.org/x/term"
)

// maxWidth is the widest that text gets, however wide the terminal is.
const maxWidth = 80

// Wrap breaks text at its blanks into lines of at most width [Columns], each
// but the first after indent. A word that is longer gets a line of its own,
// unbroken. Without a positive width there is no limit.
func Wrap(text string, width int, indent string) []string {
	var lines []string
	before, room := "", width
	for width > 0 && Columns(text) > room {
		at := breakAt(text, room)
		if at < 0 {
			break
		}
		lines = append(lines, before+strings.TrimRight(text[:at], " "))
		text = strings.TrimLeft(text[at:], " ")
		before, room = indent, max(width-Columns(indent), 1)
	}
	return append(lines, before+text)
}

// breakAt returns the index of the last blank that leaves a line within width,
// or else of the first one after it; -1 if there is none.
func breakAt(text string, width int) int {
	at, column := -1, 0
	for i, r := range text {
		if column > width && at > 0 {
			return at
		}
		if r == ' ' && i > 0 && strings.Trim(text[:i], " ") != "" {
			if column > width {
				return i
			}
			at = i
		}
		column += columnsOf(r)
	}
	if column > width {
		return at
	}
	return -1
}

// Width returns the columns that a result may have: those of the terminal that
// Out is, at most 80, and 80 where it is none.
func (c *Console) Width() int {
	if width := widthOf(c.Out); width > 0 {
		return width
	}
	return maxWidth
}

// widthOf returns the columns that text on a stream may have: 0, for no limit,
// if it is not a terminal.
func widthOf(stream io.Writer) int {
	f, ok := terminal(stream)
	if !ok {
		return 0
	}
	width, _, err := xterm.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return min(width, maxWidth)
}
