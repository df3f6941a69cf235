package printable

import (
	"bytes"
	"encoding/json"
	"slices"
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

// hostile is what could steer a terminal, or pass for other text.
const hostile = "\x1b[2J \x1b]52;c;QQ==\a \b\r\t\x00\x7f \u009b31m \u202e \u200b \u2028 \ufeff \U000e0041 \xff \xed\xa0\x80"

func TestLines(t *testing.T) {
	const plain = "a – b\n\nc\n"
	if got := Lines(plain); got != plain {
		t.Errorf("plain text became %q", got)
	}
	got := Lines("a" + hostile + "\nb")
	want := `a\x1b[2J \x1b]52;c;QQ==\a \b\r\t\x00\x7f \u009b31m \u202e \u200b \u2028 \ufeff \U000e0041 \xff \xed\xa0\x80` + "\nb"
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// TestJSON has a decoder read the same text from what was made safe.
func TestJSON(t *testing.T) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode([]string{"Zoë 鍵", hostile, "\n"}); err != nil {
		t.Fatal(err)
	}
	got := string(JSON(text.Bytes()))
	for _, line := range strings.Split(got, "\n") {
		if !Is(line) {
			t.Errorf("%q", line)
		}
	}
	var before, after []string
	if err := json.Unmarshal(text.Bytes(), &before); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(got), &after); err != nil || !slices.Equal(before, after) {
		t.Errorf("%q means %q, not %q: %v", got, after, before, err)
	}
	if !strings.Contains(got, `"Zoë 鍵"`) || !strings.Contains(got, `\u007f \u009b31m`) ||
		!strings.Contains(got, `\udb40\udc41`) {
		t.Error(got)
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
