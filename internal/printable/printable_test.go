package printable

import (
	"strings"
	"testing"
)

func TestEscape(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "Zoë's key – 鍵", "Zoë's key – 鍵"},
		{"line end", "a\r\nb", `a\r\nb`},
		{"ANSI", "\x1b[2J", `\x1b[2J`},
		{"bidirectional", "a\u202eb", `a\u202eb`},
		{"zero width", "a\u200bb", `a\u200bb`},
		{"no-break space", "a\u00a0b", `a\u00a0b`},
		{"invalid UTF-8", "a\xffb", `a\xffb`},
		{"the replacement character itself", "a\ufffdb", "a\ufffdb"},
		{"quotes", `a"b`, `a"b`},
		{"empty", "", ""},
	} {
		got := Escape(c.in)
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if !Is(got) || Is(c.in) != (c.in == c.want) {
			t.Errorf("%s: Is disagrees with Escape", c.name)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"good", "Smith, Alice", ""},
		{"longest", strings.Repeat("x", 20), ""},
		{"empty", "", "it is empty"},
		{"too long", strings.Repeat("é", 11), "it has 22 bytes; at most 20 are allowed"},
		{"two lines", "a\nb", "it is not one line of printable characters"},
		{"leading blank", " a", "it begins or ends with a blank"},
		{"trailing blank", "a ", "it begins or ends with a blank"},
	} {
		got := ""
		if err := Check(c.in, 20); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range []string{"0 cards", "1 card", "2 cards"} {
		if got := Count(n, "card"); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}
