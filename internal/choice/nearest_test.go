package choice

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"verify", "upload", "kek", "key", "ident", "vault"}
	for _, c := range []struct{ name, word, want string }{
		{"a letter missing", "verfy", "verify"},
		{"two swapped", "uplaod", "upload"},
		{"one replaced", "vauls", "vault"},
		{"one too many", "idennt", "ident"},
		{"two wrong", "veryfi", "verify"},
		{"three wrong", "vry", ""},
		{"as near to two", "kex", ""},
		{"case", "Upload", "upload"},
		{"nothing alike", "create", ""},
		{"short", "k", ""},
		{"empty", "", ""},
	} {
		if got := Nearest(c.word, known); got != c.want {
			t.Errorf("%s: %q is taken for %q, want %q", c.name, c.word, got, c.want)
		}
	}
}
