package term

import (
	"strings"
	"testing"
)

// TestColumns: what characters take on a terminal.
func TestColumns(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"empty", "", 0},
		{"letters", "abc", 3},
		{"with accents", "éàß", 3},
		{"a combining accent", "e\u0301", 1},
		{"Chinese", "密钥", 4},
		{"Korean", "열쇠", 4},
		{"full width", "ＡＢ", 4},
		{"half width kana", "ｱｲ", 2},
		{"a pictograph", "🔑", 2},
		{"a pictograph with a variation selector", "❤\ufe0f", 1},
		{"Hebrew with points", "שָׁ", 1},
		{"box drawing and dots", "…─", 2},
	} {
		if got := Columns(c.text); got != c.want {
			t.Errorf("%s: %d columns, want %d", c.name, got, c.want)
		}
		if got := Pad(c.text, 9); Columns(got) != 9 || !strings.HasPrefix(got, c.text) {
			t.Errorf("%s: padded to %q", c.name, got)
		}
	}
	if got := Pad("longer", 3); got != "longer" {
		t.Errorf("%q", got)
	}
}

// TestWideTable: the columns of a table stay where they are whatever a cell holds.
func TestWideTable(t *testing.T) {
	var b strings.Builder
	rows := [][]string{{"IDENT", "NAME", "TYPE"}, {"a", "鍵 🔑", "RSA"}, {"b", "plain", "EC"}}
	if err := Table(&b, rows); err != nil {
		t.Fatal(err)
	}
	const want = "IDENT  NAME   TYPE\na      鍵 🔑  RSA\nb      plain  EC\n"
	if b.String() != want {
		t.Errorf("%q", b.String())
	}
	if lines := Wrap("鍵鍵 鍵鍵 鍵", 7, ""); strings.Join(lines, "|") != "鍵鍵|鍵鍵 鍵" {
		t.Errorf("%q", lines)
	}
}
