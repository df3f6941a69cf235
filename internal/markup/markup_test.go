package markup_test

import (
	"html/template"
	"strings"
	"testing"

	"byok/internal/markup"
)

type named string

func (n named) String() string { return "the " + string(n) }

func TestText(t *testing.T) {
	for _, c := range []struct {
		name string
		in   any
		want string
	}{
		{"plain", "Zoë – 鍵", "<bdi>Zoë – 鍵</bdi>"},
		{"markup", `<script>"&'`, "<bdi>&lt;script&gt;&#34;&amp;&#39;</bdi>"},
		{"a direction turned", "a\u202eb\u2067", `<bdi>a\u202eb\u2067</bdi>`},
		{"Hebrew stays", "שלום", "<bdi>שלום</bdi>"},
		{"lines", "a\nb", `<bdi>a\nb</bdi>`},
		{"a Stringer", named("key"), "<bdi>the key</bdi>"},
		{"a number", 5, "<bdi>5</bdi>"},
	} {
		if got := string(markup.Text(c.in)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if got := string(markup.Lines("a\n<b>\x1b")); got != "<bdi>a\n&lt;b&gt;\\x1b</bdi>" {
		t.Errorf("lines: %s", got)
	}
}

func TestFunctions(t *testing.T) {
	page := template.Must(template.New("page").Funcs(markup.Functions()).
		Parse(`<title>{{escape .}}</title><meta content="{{policy}}">{{text .}}{{lines .}}`))
	var b strings.Builder
	if err := page.Execute(&b, "<\u202e"); err != nil {
		t.Fatal(err)
	}
	const want = `<title>&lt;\u202e</title><meta content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; img-src data:">` +
		`<bdi>&lt;\u202e</bdi><bdi>&lt;\u202e</bdi>`
	if b.String() != want {
		t.Errorf("%s\nwant %s", b.String(), want)
	}
}
