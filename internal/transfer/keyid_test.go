package transfer

import (
	"strings"
	"testing"
)

const kid = "https://contoso.vault.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8"

// pairs reads a vector file of lines "input TAB output".
func pairs(t testing.TB, path string) [][2]string {
	t.Helper()
	var all [][2]string
	for line := range strings.Lines(string(read(t, path))) {
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

func TestParseKeyID(t *testing.T) {
	for _, v := range pairs(t, "testdata/keyid/valid.tsv") {
		k, err := ParseKeyID(v[0])
		if err != nil || k.String() != v[1] {
			t.Errorf("%s: %s, %v", v[0], k, err)
		}
		again, err := ParseKeyID(k.String())
		if err != nil || again != k || !again.Equal(k) {
			t.Errorf("%s does not parse back: %+v, %v", k, again, err)
		}
		var text KeyID
		if err := text.UnmarshalText([]byte(v[0])); err != nil || text != k {
			t.Errorf("UnmarshalText(%s): %+v, %v", v[0], text, err)
		}
	}
}

func TestParseKeyIDRefuses(t *testing.T) {
	for _, v := range pairs(t, "testdata/keyid/invalid.tsv") {
		k, err := ParseKeyID(v[0])
		refused(t, v[0], err, v[1])
		if k != (KeyID{}) {
			t.Errorf("%s: gives %+v beside its error", v[0], k)
		}
		refused(t, v[0], new(KeyID).UnmarshalText([]byte(v[0])), v[1])
	}
}

func TestKeyIDParts(t *testing.T) {
	k := must[KeyID](t)(ParseKeyID("https://LOCALHOST:8443/keys/KEKforBYOK/664F5aa2797a4075b8e36ca4500636d8"))
	if want := (KeyID{"https://localhost:8443", "KEKforBYOK", "664F5aa2797a4075b8e36ca4500636d8"}); k != want {
		t.Errorf("%+v", k)
	}
}

func TestKeyIDEqual(t *testing.T) {
	k := must[KeyID](t)(ParseKeyID(kid))
	upper := KeyID{k.Vault, strings.ToUpper(k.Name), strings.ToUpper(k.Version)}
	if !k.Equal(upper) {
		t.Error("identifiers compare without regard to case")
	}
	for name, other := range map[string]KeyID{
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
