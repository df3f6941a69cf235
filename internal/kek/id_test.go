package kek

import (
	"os"
	"strings"
	"testing"
)

const kid = "https://contoso.vault.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8"

// pairs reads a vector file of lines "input TAB output".
func pairs(t testing.TB, path string) [][2]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all [][2]string
	for line := range strings.Lines(string(data)) {
		input, output, found := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !found {
			t.Fatalf("%s: no tab in %q", path, line)
		}
		all = append(all, [2]string{input, output})
	}
	if len(all) == 0 {
		t.Fatalf("no vectors: %s", path)
	}
	return all
}

func id(t testing.TB, text string) ID {
	t.Helper()
	parsed, err := ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// refused fails the test unless err has exactly the text want.
func refused(t testing.TB, what string, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("%s:\n got %v\nwant %s", what, err, want)
	}
}

func TestParseID(t *testing.T) {
	for _, v := range pairs(t, "testdata/id/valid.tsv") {
		k, err := ParseID(v[0])
		if err != nil || k.String() != v[1] {
			t.Errorf("%s: %s, %v", v[0], k, err)
		}
		again, err := ParseID(k.String())
		if err != nil || again != k || !again.Equal(k) {
			t.Errorf("%s does not parse back: %+v, %v", k, again, err)
		}
		var text ID
		if err := text.UnmarshalText([]byte(v[0])); err != nil || text != k {
			t.Errorf("UnmarshalText(%s): %+v, %v", v[0], text, err)
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	for _, v := range pairs(t, "testdata/id/invalid.tsv") {
		k, err := ParseID(v[0])
		refused(t, v[0], err, v[1])
		if k != (ID{}) {
			t.Errorf("%s: gives %+v beside its error", v[0], k)
		}
		refused(t, v[0], new(ID).UnmarshalText([]byte(v[0])), v[1])
	}
}

func TestIDParts(t *testing.T) {
	k := id(t, "https://LOCALHOST:8443/keys/KEKforBYOK/664F5aa2797a4075b8e36ca4500636d8")
	if want := (ID{"https://localhost:8443", "KEKforBYOK", "664F5aa2797a4075b8e36ca4500636d8"}); k != want {
		t.Errorf("%+v", k)
	}
}

func TestIDEqual(t *testing.T) {
	k := id(t, kid)
	upper := ID{k.Vault, strings.ToUpper(k.Name), strings.ToUpper(k.Version)}
	if !k.Equal(upper) {
		t.Error("identifiers compare without regard to case")
	}
	for name, other := range map[string]ID{
		"vault":   {"https://fabrikam.vault.azure.net", k.Name, k.Version},
		"name":    {k.Vault, "other", k.Version},
		"version": {k.Vault, k.Name, strings.Repeat("0", 32)},
		"zero":    {},
	} {
		if k.Equal(other) {
			t.Errorf("equal in spite of another %s", name)
		}
	}
}

func FuzzParseID(f *testing.F) {
	for _, v := range append(pairs(f, "testdata/id/valid.tsv"), pairs(f, "testdata/id/invalid.tsv")...) {
		f.Add(v[0])
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseID(text)
		if err != nil {
			return
		}
		if again, err := ParseID(k.String()); err != nil || again != k {
			t.Fatalf("%+v is then %+v, %v", k, again, err)
		}
	})
}
