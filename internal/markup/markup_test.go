package markup_test

import (
	"strconv"
	"strings"
	"testing"

	m "byok/internal/markup"
)

type named string

func (n named) String() string { return "the " + string(n) }

func TestText(t *testing.T) {
	for _, c := range []struct {
		name string
		in   any
		want m.HTML
	}{
		{"plain", "Zoë – 鍵", "<bdi>Zoë – 鍵</bdi>"},
		{"markup", `<script>"&'`, "<bdi>&lt;script&gt;&#34;&amp;&#39;</bdi>"},
		{"a direction turned", "a\u202eb\u2067", `<bdi>a\u202eb\u2067</bdi>`},
		{"Hebrew stays", "שלום", "<bdi>שלום</bdi>"},
		{"lines", "a\nb", `<bdi>a\nb</bdi>`},
		{"a Stringer", named("key"), "<bdi>the key</bdi>"},
		{"a number", 5, "<bdi>5</bdi>"},
		{"a NUL", "a\x00", `<bdi>a\x00</bdi>`},
	} {
		if got := m.Text(c.in); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if got := m.Lines("a\n<b>\x1b"); got != "<bdi>a\n&lt;b&gt;\\x1b</bdi>" {
		t.Errorf("lines: %s", got)
	}
	if got := m.Plain("<\u202e"); got != `&lt;\u202e` {
		t.Errorf("plain: %s", got)
	}
}

func TestParts(t *testing.T) {
	number := func(n int) m.HTML { return m.Plain(n) }
	for _, c := range []struct {
		name      string
		got, want m.HTML
	}{
		{"one after another", m.Of("<p>", m.Text("a"), "</p>"), "<p><bdi>a</bdi></p>"},
		{"a condition holds", m.If(true, "a", "b"), "ab"},
		{"a condition does not", m.If(false, "a", "b"), ""},
		{"the first of two", m.Either(true, "a", "b"), "a"},
		{"the second of two", m.Either(false, "a", "b"), "b"},
		{"a text", m.Some("(", named("<"), ")"), "(<bdi>the &lt;</bdi>)"},
		{"no text", m.Some("(", "", ")"), ""},
		{"each", m.Each([]int{1, 2}, number), "12"},
		{"each of none", m.Each(nil, number), ""},
		{"between", m.Between("<br>", []int{1, 2, 3}, number), "1<br>2<br>3"},
		{"list", m.List([]string{"a", "<"}), "<bdi>a</bdi>, <bdi>&lt;</bdi>"},
		{"numbers in a tag", m.Tag(`<a x="%d" y="%d">`, 1, -2), `<a x="1" y="-2">`},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	table := m.Table{Class: "fixed", Columns: []m.Column{
		{Title: "No.", Class: "w1", Cells: "num"}, {Title: "What it is", Label: "What"},
	}}
	rows := m.Rows([]int{1, 2}, func(n int) []m.HTML { return []m.HTML{m.Plain(n), m.Text("<" + strconv.Itoa(n))} })
	const want = `<table class="fixed"><thead><tr><th class="w1">No.</th><th>What it is</th></tr></thead>
<tr><td data-l="No." class="num">1</td><td data-l="What"><bdi>&lt;1</bdi></td></tr>
<tr><td data-l="No." class="num">2</td><td data-l="What"><bdi>&lt;2</bdi></td></tr>
</table>`
	if got := table.Of(rows...); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	const empty = "<table><thead><tr><th>What it is</th></tr></thead>\n</table>"
	if got := (m.Table{Columns: table.Columns[1:]}).Of(); got != empty {
		t.Errorf("without rows: %s", got)
	}
}

// TestPage holds that a page loads nothing and runs nothing, whatever it is called.
func TestPage(t *testing.T) {
	page := string(m.Page("</title><script>\u202e", "p { margin: 0; }", "<p>a</p>"))
	for _, want := range []string{
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">`,
		`<title>&lt;/title&gt;&lt;script&gt;\u202e</title>`,
		"<style>\np { margin: 0; }</style>\n</head>\n<body>\n<p>a</p></body>\n</html>\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
}
