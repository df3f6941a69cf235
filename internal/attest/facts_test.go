package attest

import (
	"os"
	"testing"
)

// TestFacts: what the vendor's script prints of the genuine attestation.
func TestFacts(t *testing.T) {
	data, err := os.ReadFile("testdata/mhsm-rsa-2048.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := CheckFile("mhsm-rsa-2048.json", data, at("2025-06-15"))
	if err != nil {
		t.Fatal(err)
	}
	stated := map[string]string{}
	for _, f := range v.Facts {
		stated[f.Attribute] = f.Value
	}
	for attribute, want := range map[string]string{
		"class (0x0000)": "3", "key type (0x0100)": "0", "sensitive (0x0103)": "1", "extractable (0x0162)": "0",
		"never extractable (0x0164)": "1", "local (0x0163)": "1", "public exponent (0x0122)": "65537",
	} {
		if stated[attribute] != want {
			t.Errorf("%s is shown as %q, want %q", attribute, stated[attribute], want)
		}
	}
	if len(v.Facts) < 20 {
		t.Errorf("%d facts", len(v.Facts))
	}
}

func TestFactShown(t *testing.T) {
	for _, c := range []struct {
		a    Attribute
		want string
	}{
		{Attribute{AttrID, []byte("/keys/a/b\x00\x00")}, `"/keys/a/b"`},
		{Attribute{AttrLabel, []byte("a\x1b[31m")}, `"a\x1b[31m"`},
		{Attribute{AttrSign, nil}, "empty"},
		{Attribute{AttrSign, []byte{1, 0}}, "256"},
		{Attribute{0x4000, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8}}, "000102030405060708"},
		{Attribute{AttrModulus, make([]byte, 20)}, "00000000000000000000000000000000… (20 bytes)"},
	} {
		if got := c.a.shown(); got != c.want {
			t.Errorf("%v: %s, want %s", c.a, got, c.want)
		}
	}
}
