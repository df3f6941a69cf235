package download

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestParseRange(t *testing.T) {
	for text, want := range map[string]byteRange{
		"bytes 0-0/1": {0, 0, 1}, "bytes 5-9/10": {5, 9, 10},
		"": {}, "bytes": {}, "bytes 5-9/*": {}, "bytes */10": {}, "bytes 5-9/9": {}, "bytes 9-5/10": {},
		"bytes -5-9/10": {}, "items 5-9/10": {},
		"bytes 5-9/10 ": {}, "bytes 5-9/10x": {}, "bytes 05-9/10": {}, "bytes +5-9/10": {},
		"bytes 0-9223372036854775807/9223372036854775808": {},
	} {
		r, ok := parseRange(text)
		if ok != (want != byteRange{}) || ok && r != want {
			t.Errorf("%q: %v, %t", text, r, ok)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"bytes 5-9/10", "bytes 0-0/1", "bytes */10", "bytes 1-2/3, bytes"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := parseRange(text)
		if ok && (fmt.Sprintf("bytes %d-%d/%d", r.first, r.last,
			r.size) != text || r.length() < 1 || r.length() > r.size) {
			t.Errorf("%q: %v", text, r)
		}
	})
}

func TestValidator(t *testing.T) {
	const date, before = "Wed, 30 Jun 2021 00:00:01 GMT", "Wed, 30 Jun 2021 00:00:00 GMT"
	for _, c := range []struct{ tag, modified, date, want string }{
		{`"a"`, "", "", `"a"`},
		{`"a"`, before, date, `"a"`},
		{`W/"a"`, before, date, before},
		{"a", before, date, before},
		{"", before, date, before},
		{"", date, date, ""},
		{"", before, "", ""},
		{"", "yesterday", date, ""},
		{"", "", date, ""},
		{`W/"a"`, "", date, ""},
	} {
		h := http.Header{}
		for name, value := range map[string]string{"ETag": c.tag, "Last-Modified": c.modified, "Date": c.date} {
			if value != "" {
				h.Set(name, value)
			}
		}
		if got := validator(h); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
