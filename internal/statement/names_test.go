package statement_test

import (
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/statement"
)

func TestFileName(t *testing.T) {
	for number := moduleA; number <= cards; number++ {
		s := example(t, number)
		gotNumber, typ, ok := statement.ParseFileName(statement.FileName(s))
		if h := statement.HeaderOf(s); !ok || gotNumber != number || typ != h.Type {
			t.Errorf("%s: %d, %s, %t", statement.FileName(s), gotNumber, typ, ok)
		}
	}
	if got := statement.FileName(example(t, approval)); got != "000005-authorization.json" {
		t.Error(got)
	}
	for _, name := range []string{
		"", "world", "000001-world.json", "000002-key.json", "2-seal.json", "0000002-seal.json", "000002-seal.sig",
		"x000002-seal.json", "000002-seal.json.tmp", "000002-SEAL.json", "-00002-seal.json",
	} {
		if number, typ, ok := statement.ParseFileName(name); ok {
			t.Errorf("%q: %d, %s", name, number, typ)
		}
	}
}

func TestLabels(t *testing.T) {
	for want, got := range map[string]string{
		"byok-kml-00":  statement.KMLLabel("00"),
		"byok-km-00-2": statement.KMLabel("00", 2),
		"byok-kw-00-2": statement.KWLabel("00", 2),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestCheckLabel(t *testing.T) {
	for label, want := range map[string]string{
		"":                      `label "": expected 1 to 32 bytes of text`,
		strings.Repeat("a", 33): `label "` + strings.Repeat("a", 33) + `": expected 1 to 32 bytes of text`,
		"a\x1b[31m":             `label "a\x1b[31m": only printable characters are allowed`,
		"trail ":                `label "trail ": a token's label neither begins nor ends with a blank`,
		" lead":                 `label " lead": a token's label neither begins nor ends with a blank`,
		"\xff":                  `label "\xff": expected 1 to 32 bytes of text`,
	} {
		refused(t, statement.CheckLabel(label), exitcode.Usage, want)
	}
	for _, label := range []string{"a", strings.Repeat("a", 32), strings.Repeat("é", 16)} {
		if err := statement.CheckLabel(label); err != nil {
			t.Error(err)
		}
	}
}

func TestCheckPlainName(t *testing.T) {
	for name, want := range map[string]string{
		"":                       "field plainname: it is empty",
		" a":                     "field plainname: it begins or ends with a blank",
		"a\nb":                   "field plainname: it is not one line of printable characters",
		strings.Repeat("a", 128): "field plainname: it has 128 bytes; at most 127 are allowed",
	} {
		refused(t, statement.CheckPlainName(name), exitcode.Failed, want)
	}
	if err := statement.CheckPlainName(strings.Repeat("a", 127)); err != nil {
		t.Error(err)
	}
}

func TestParseGuard(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "trust-shared": "", "login": "",
		"Trust":   `guard "Trust" is not one of ["trust" "trust-shared" "trust-by-tool" "login" "login-shared"]`,
		"trust\n": `guard "trust\n" is not one of ["trust" "trust-shared" "trust-by-tool" "login" "login-shared"]`,
	} {
		g, err := statement.ParseGuard(text)
		if want == "" && (err != nil || string(g) != text) || want != "" && (err == nil || err.Error() != want || g != "") {
			t.Errorf("%q: %q, %v", text, g, err)
		}
	}
}
