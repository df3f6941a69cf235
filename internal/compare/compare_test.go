package compare_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"byok/internal/compare"
	"byok/internal/fingerprint"
)

var sum = fingerprint.Of([]byte("what is compared"))

// TestPage: words at the left margin and hex in two rows of four groups, on a
// screen of 80 and of 40 columns and 24 lines, with room for the question.
func TestPage(t *testing.T) {
	const title = "KEK KEKforBYOK of https://contoso.vault.azure.net: its fingerprint, which Olga reads aloud"
	for _, c := range []struct{ width, lines int }{{80, 15}, {40, 22}, {0, 14}} {
		page := compare.Page(title, sum, c.width)
		if len(page) > c.lines {
			t.Errorf("%d columns: %d lines", c.width, len(page))
		}
		for _, line := range page {
			if n := utf8.RuneCountInString(line); c.width > 0 && n > c.width {
				t.Errorf("%d columns: %q has %d", c.width, line, n)
			}
		}
		text := strings.Join(page, "\n")
		groups := strings.Fields(sum.Groups())
		if !strings.Contains(text+"\n", "\n"+strings.Join(groups[:4], " ")+"\n"+strings.Join(groups[4:], " ")+"\n") {
			t.Errorf("%d columns: the hex digits are not in two rows:\n%s", c.width, text)
		}
		words := strings.Fields(text)
		for _, word := range sum.Words() {
			for len(words) > 0 && words[0] != word {
				words = words[1:]
			}
		}
		if len(words) == 0 {
			t.Errorf("%d columns: the words are not there in their order:\n%s", c.width, text)
		}
	}
	if full := compare.Page("t", sum, 80); full[2] != sum.Rows()[0] {
		t.Errorf("%q is not the first row that other screens show", full[2])
	}
	narrow := compare.Page("t", sum, 40)
	w := sum.Words()
	if !strings.HasPrefix(narrow[4], "2  "+w[4]) || !strings.HasSuffix(narrow[5], w[7]) || narrow[5][:3] != "   " {
		t.Errorf("%q", narrow[4:6])
	}
}

// TestPick: every word that was not typed before is asked for some day, and no
// other one.
func TestPick(t *testing.T) {
	for _, typed := range []int{0, 8, 31} {
		seen := map[compare.Cell]bool{}
		for range 2000 {
			c, ok := compare.Pick(typed)
			if !ok || c.Row < 1 || c.Row > 8 || c.Column < 1 || c.Column > 4 || (c.Row-1)*4+c.Column-1 < typed {
				t.Fatalf("%d typed: %+v", typed, c)
			}
			seen[c] = true
		}
		if len(seen) != 32-typed {
			t.Errorf("%d typed: %d words are asked for", typed, len(seen))
		}
	}
	if _, ok := compare.Pick(32); ok {
		t.Error("all were typed, and one is asked for")
	}
}

func TestCell(t *testing.T) {
	c := compare.Cell{Row: 3, Column: 2}
	if q := c.Question("as the vault's owner reads it"); q != "type the word in row 3, second column, as the vault's owner reads it" {
		t.Error(q)
	}
	word := sum.Words()[9]
	for typed, want := range map[string]bool{
		word: true, " " + strings.ToUpper(word) + " ": true, sum.Words()[8]: false, sum.Words()[10]: false, "": false,
	} {
		if c.Is(sum, typed) != want {
			t.Errorf("%q: %v", typed, !want)
		}
	}
}
