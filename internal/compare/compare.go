// Package compare lays out a fingerprint for people who compare it by ear, or
// with paper, and asks for one word of it.
//
// [Page] is what stands alone on the screen; [Pick] chooses the word, which is
// [Cell.Question] and [Cell.Is]. The order of rows and columns is that of
// [fingerprint.Sum.Rows] everywhere, so that both sides count alike. Who asks, and
// what is recorded, is for package dialogue.
package compare

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"byok/internal/fingerprint"
	"byok/internal/term"
)

// The shape of a fingerprint on a screen.
const (
	rows, columns = 8, 4
	fullWidth     = 50 // of a row, in columns of the terminal
)

// Page lays a fingerprint out for a terminal of so many columns, 0 for any: a
// title, the words at the left margin, and the hex digits in two rows of four
// groups. On 40 columns and 24 lines it leaves room for the question.
func Page(title string, sum fingerprint.Sum, width int) []string {
	page := append(term.Wrap(title, width, ""), "")
	groups := strings.Fields(sum.Groups())
	hex := []string{strings.Join(groups[:4], " "), strings.Join(groups[4:], " ")}
	if width > 0 && width < fullWidth { // every line is needed
		return slices.Concat(page, halves(sum), hex)
	}
	return slices.Concat(page, sum.Rows(), []string{""}, hex, []string{""})
}

// halves breaks each row in the middle.
func halves(sum fingerprint.Sum) []string {
	var lines []string
	words := sum.Words()
	for i := 0; i < len(words); i += columns {
		lines = append(lines,
			fmt.Sprintf("%d  %-9s  %s", i/columns+1, words[i], words[i+1]),
			fmt.Sprintf("   %-9s  %s", words[i+2], words[i+3]))
	}
	return lines
}

// Cell is one word of a fingerprint by its place.
type Cell struct{ Row, Column int } // from 1

// Pick chooses a word by chance, behind the first ones, which were typed before.
// ok is false where there is none.
func Pick(typed int) (c Cell, ok bool) {
	left := rows*columns - typed
	if left <= 0 {
		return c, false
	}
	n, _ := rand.Int(rand.Reader, big.NewInt(int64(left))) // never fails (Go 1.24)
	at := typed + int(n.Int64())
	return Cell{at/columns + 1, at%columns + 1}, true
}

// Question asks for the word, as by a person or a paper that has it.
func (c Cell) Question(as string) string {
	return fmt.Sprintf("type the word in row %d, %s column, %s", c.Row, ordinals[c.Column-1], as)
}

var ordinals = [columns]string{"first", "second", "third", "fourth"}

// Is reports whether the word is what was typed; case and blanks do not count.
func (c Cell) Is(sum fingerprint.Sum, typed string) bool {
	return strings.EqualFold(strings.TrimSpace(typed), sum.Words()[(c.Row-1)*columns+c.Column-1])
}
