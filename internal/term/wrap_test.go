package term

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		name, text string
		width      int
		want       string
	}{
		{"short", "one two", 10, "one two"},
		{"exactly", "one two", 7, "one two"},
		{"two lines", "one two", 6, "one|> two"},
		{"three lines", "one two three", 7, "one two|> three"},
		{"indent counts", "one two three", 6, "one|> two|> three"},
		{"a long word", "one abcdefghijkl two", 6, "one|> abcdefghijkl|> two"},
		{"a long word first", "abcdefghijkl two", 6, "abcdefghijkl|> two"},
		{"a long word alone", "abcdefghijkl", 6, "abcdefghijkl"},
		{"blanks inside stay", "a  b  c", 20, "a  b  c"},
		{"blanks at a break go", "one   two", 5, "one|> two"},
		{"leading blanks stay", "   abcdefgh", 6, "   abcdefgh"},
		{"characters, not bytes", "éé éé", 5, "éé éé"},
		{"no limit", "one two", 0, "one two"},
		{"narrower than the indent", "one two", 1, "one|> two"},
		{"empty", "", 5, ""},
	} {
		if got := strings.Join(Wrap(c.text, c.width, "> "), "|"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
