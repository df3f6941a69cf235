package kek

import (
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/strictjson"
)

var sum = fingerprint.Of([]byte("a KEK"))

func said(t testing.TB, words string) Said {
	t.Helper()
	s, err := ParseSaid(words, kid, true, "Dana Okafor")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSaidMatches(t *testing.T) {
	k := id(t, kid)
	for _, words := range []string{
		sum.FirstWords(8), sum.FirstWords(31), strings.Join(sum.Rows(), "\n"), sum.String(), sum.Groups(),
	} {
		s := said(t, words)
		if err := s.Compare(k, sum); err != nil {
			t.Errorf("%q: %v", words, err)
		}
		upper := ID{k.Vault, strings.ToUpper(k.Name), strings.ToUpper(k.Version)}
		if err := s.Compare(upper, sum); err != nil {
			t.Errorf("%q: %v", words, err)
		}
	}
}

func TestSaidDiffers(t *testing.T) {
	k := id(t, kid)
	other := ID{k.Vault, k.Name, strings.Repeat("0", 32)}
	refused(t, "version", said(t, sum.String()).Compare(other, sum),
		`"Dana Okafor" named a different key identifier than the packages`)
	for i := range 8 { // every word counts
		changed := sum
		changed[i] ^= 1
		refused(t, "word", said(t, sum.FirstWords(8)).Compare(k, changed),
			`"Dana Okafor" named a different fingerprint than that of the KEK in the packages`)
	}
	refused(t, "nothing", Said{}.Compare(k, sum), "fingerprint: at least the first 8 words are needed")
}

func TestSaidsThatAreRefused(t *testing.T) {
	words := sum.FirstWords(8)
	for _, c := range []struct {
		name, words, kid string
		importOnly       bool
		by, want         string
	}{
		{"no words", "", kid, true, "Dana", "the fingerprint is empty"},
		{"7 words", sum.FirstWords(7), kid, true, "Dana", "the fingerprint has 7 words: at least the first 8 are needed"},
		{"short hex", sum.String()[:16], kid, true, "Dana", "the fingerprint has 16 hex digits, not 64"},
		{"no kid", words, "", true, "Dana", `key identifier "": expected https://<host>/keys/<name>/<version>`},
		{"kid without version", words, "https://contoso.vault.azure.net/keys/k", true, "Dana",
			`key identifier "https://contoso.vault.azure.net/keys/k": the version is missing`},
		{"not import only", words, kid, false, "Dana", "the vault's owner must say that the key's one operation is import"},
		{"by no one", words, kid, true, "", "the name of who said it: it is empty"},
		{"name of two lines", words, kid, true, "Dana\nResult: SUCCESS",
			"the name of who said it: it is not one line of printable characters"},
	} {
		_, err := ParseSaid(c.words, c.kid, c.importOnly, c.by)
		refused(t, c.name, err, c.want)
		if exitcode.Of(err) != exitcode.Usage {
			t.Errorf("%s: status %d", c.name, exitcode.Of(err))
		}
	}
	refused(t, "kid by hand", Said{Fingerprint: fingerprint.Whole(sum)}.Check(),
		`key identifier "/keys//": it does not begin with https://`)
}

func TestSaidInAFile(t *testing.T) {
	for _, words := range []string{sum.FirstWords(8), sum.String()} {
		s := said(t, words)
		data, err := strictjson.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), `"fingerprint": "`+words+`"`) {
			t.Errorf("%s", data)
		}
		var again Said
		if err := strictjson.Exact("f", data, 1<<10, &again); err != nil || again != s {
			t.Errorf("%+v, %v", again, err)
		}
	}
}
