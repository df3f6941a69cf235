package fingerprint

import (
	"strings"
	"testing"

	"byok/internal/exitcode"
)

func TestPrefix(t *testing.T) {
	sum := Of([]byte(fox))
	for _, c := range []struct {
		name, text string
		words      int
		canonical  string
	}{
		{"one word", sum.FirstWords(1), 1, sum.FirstWords(1)},
		{"eight words, in capitals", strings.ToUpper(sum.FirstWords(8)), 8, sum.FirstWords(8)},
		{"two rows", strings.Join(sum.Rows()[:2], "\n"), 8, sum.FirstWords(8)},
		{"all words", sum.FirstWords(32), 32, sum.String()},
		{"hex groups", sum.Groups(), 32, sum.String()},
	} {
		p, err := ParsePrefix(c.text, 1)
		if err != nil || p.Words() != c.words || p.String() != c.canonical || !p.Matches(sum) || p.IsZero() {
			t.Errorf("%s: %d words, %q, %v", c.name, p.Words(), p, err)
		}
		text, err := p.MarshalText()
		var again Prefix
		if err != nil || again.UnmarshalText(text) != nil || again != p {
			t.Errorf("%s: %q is then %q, %v", c.name, p, again, err)
		}
		for i := range p.Words() { // each word counts
			other := sum
			other[i] ^= 0x80
			if p.Matches(other) {
				t.Errorf("%s: byte %d does not count", c.name, i)
			}
		}
		other := sum
		if other[31] ^= 1; c.words < 32 && !p.Matches(other) {
			t.Errorf("%s: a byte beyond it counts", c.name)
		}
	}
}

func TestZeroPrefixMatchesNothing(t *testing.T) {
	var p Prefix
	if p.Matches(Sum{}) || !p.IsZero() || p.String() != "" || p.Words() != 0 {
		t.Errorf("%q", p)
	}
	if Whole(Sum{}).IsZero() || !(Sum{}).IsZero() || Of(nil).IsZero() {
		t.Error("zero and missing are mixed up")
	}
}

func TestParsePrefixRefuses(t *testing.T) {
	sum := Of([]byte(fox))
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "the fingerprint is empty"},
		{"too few", sum.FirstWords(7), "the fingerprint has 7 words: at least the first 8 are needed"},
		{"short hex", sum.String()[:16], "the fingerprint has 16 hex digits, not 64"},
		{"too many", sum.FirstWords(32) + " aardvark", "the fingerprint has 33 words, more than 32"},
		{"no word", "stopwatch ox", `word 2 of the fingerprint, "ox", is not on the word list`},
		{"row missing", sum.Rows()[1], "row number 2 of the fingerprint comes after 0 words, not 4"},
	} {
		p, err := ParsePrefix(c.text, 8)
		if err == nil || err.Error() != c.want || exitcode.Of(err) != exitcode.Usage || p != (Prefix{}) {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		}
	}
}

func TestPrefixInAFileHasOneSpelling(t *testing.T) {
	sum := Of([]byte(fox))
	for _, c := range []struct{ text, want string }{
		{"", "the fingerprint is empty"},
		{strings.ToUpper(sum.FirstWords(8)), `the fingerprint is not in its usual spelling, "` + sum.FirstWords(8) + `"`},
		{sum.FirstWords(32), `the fingerprint is not in its usual spelling, "` + sum.String() + `"`},
	} {
		var p Prefix
		if err := p.UnmarshalText([]byte(c.text)); err == nil || err.Error() != c.want || p != (Prefix{}) {
			t.Errorf("%q:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}
