package term

import (
	"strings"
	"testing"
)

// TestFit: rows of tables on a terminal that is narrower than they are.
func TestFit(t *testing.T) {
	const hex = "00112233 44556677 8899aabb ccddeeff 00112233 44556677 8899aabb ccddeeff"
	const half = "00112233 44556677 8899aabb ccddeeff"
	for _, c := range []struct {
		name, text string
		width      int
		want       string
	}{
		{"no terminal", "a  b c d\n", 0, "a  b c d\n"},
		{"fits", "key    k\n", 8, "key    k\n"},
		{"a row", "key    one two three\n", 14, "key    one two\n       three\n"},
		{"prose", "one two three four\n", 12, "one two\n    three\n    four\n"},
		{"a fingerprint", "SHA-256  " + hex + "\n", 60, "SHA-256  " + half + "\n         " + half + "\n"},
		{"a fingerprint alone", hex, 40, half + "\n    " + half},
		{"a fingerprint of one group less", "SHA-256  " + hex[9:], 60,
			"SHA-256  " + hex[9:][:44] + "\n         " + hex[9+45:]},
		{"no room for half of it", hex, 30, "00112233 44556677 8899aabb\n" +
			"    ccddeeff 00112233 44556677\n    8899aabb ccddeeff"},
		{"the last cell begins too far right", "a long first cell  x y\n", 20, "a long first cell  x\n    y\n"},
		{"the cell before is wide", "pass  RULE-OF-IT  the detail of it\n", 24, "pass  RULE-OF-IT  the\n      detail of it\n"},
		{"wide characters", "鍵  鍵鍵 鍵鍵\n", 10, "鍵  鍵鍵\n    鍵鍵\n"},
		{"blank lines", "\n\na\n", 3, "\n\na\n"},
	} {
		if got := fit(c.text, c.width); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	if c := (&Console{Out: &strings.Builder{}}); c.Fit("a  b\n") != "a  b\n" || c.Width() != 80 {
		t.Errorf("width %d", c.Width())
	}
}
