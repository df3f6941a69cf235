package transfer_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"byok/internal/transfer"
)

// edited is the canonical .byok with its fields changed.
func edited(t *testing.T, change func(file, header map[string]any)) []byte {
	t.Helper()
	var file map[string]any
	check(t, json.Unmarshal(read(t, "testdata/blob/valid/canonical.byok"), &file))
	change(file, file["header"].(map[string]any))
	return must(json.Marshal(file))(t)
}

// TestParseForeign: what another tool's file may depart in, alone and together,
// is named and is the same blob.
func TestParseForeign(t *testing.T) {
	want := must(transfer.ParseBlob("a", read(t, "testdata/blob/valid/canonical.byok")))(t)
	const (
		lines    = "its ciphertext is broken into lines"
		standard = "its ciphertext is in standard base64 instead of base64url"
		fields   = "it has fields that the specification does not: "
	)
	lined := func(text, end string) string {
		var b strings.Builder
		for i, c := range text {
			if i > 0 && i%64 == 0 {
				b.WriteString(end)
			}
			b.WriteRune(c)
		}
		return b.String()
	}
	std := base64.StdEncoding.EncodeToString(want.Ciphertext)
	if !strings.ContainsAny(std, "+/") {
		t.Fatal("the vector is the same in both alphabets")
	}
	url := base64.RawURLEncoding.EncodeToString(want.Ciphertext)
	good, all := 0, 0
	for _, c := range []struct {
		name   string
		change func(file, header map[string]any)
		want   []string
	}{
		{"as specified", func(map[string]any, map[string]any) {}, nil},
		{"padding", func(f, _ map[string]any) { f["ciphertext"] = base64.URLEncoding.EncodeToString(want.Ciphertext) }, nil},
		{"standard base64", func(f, _ map[string]any) { f["ciphertext"] = std }, []string{standard}},
		{"standard base64 without padding", func(f, _ map[string]any) { f["ciphertext"] = strings.TrimRight(std, "=") }, []string{standard}},
		{"lines", func(f, _ map[string]any) { f["ciphertext"] = lined(url, "\n") }, []string{lines}},
		{"lines of Windows", func(f, _ map[string]any) { f["ciphertext"] = lined(url, "\r\n") + "\r\n" }, []string{lines}},
		{"indented", func(f, _ map[string]any) { f["ciphertext"] = " \t" + url }, []string{lines}},
		{"a field", func(f, _ map[string]any) { f["created"] = "2026-01-02" }, []string{fields + `"created"`}},
		{"a field in the header", func(_, h map[string]any) { h["zip"] = nil }, []string{fields + `"header.zip"`}},
		{"a field of a hostile name", func(f, _ map[string]any) { f["\x1b[2J\n"] = 1 }, []string{fields + `"\x1b[2J\n"`}},
		{"all together", func(f, h map[string]any) {
			f["ciphertext"], f["a"], h["b"] = lined(std, "\n"), map[string]any{"c": 1}, []int{1}
		}, []string{lines, standard, fields + `"a", "header.b"`}},
	} {
		all++
		b, departures, err := transfer.ParseForeign("a", edited(t, c.change))
		if err != nil || !reflect.DeepEqual(b, want) || !reflect.DeepEqual(departures, c.want) {
			t.Errorf("%s: %q, %v", c.name, departures, err)
			continue
		}
		canonical, err := b.Marshal()
		if again, perr := transfer.ParseBlob("a", canonical); err != nil || perr != nil || !reflect.DeepEqual(again, want) {
			t.Errorf("%s: not the specification's form: %v, %v", c.name, err, perr)
			continue
		}
		good++
	}
	t.Logf("departures of other tools: %d of %d", good, all)
}

// TestParseForeignRefuses: leniency ends where the meaning is in doubt, with what
// ParseBlob says.
func TestParseForeignRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(file, header map[string]any)
		want   string
	}{
		{"both alphabets", func(f, _ map[string]any) { f["ciphertext"] = "+" + f["ciphertext"].(string)[1:] + "-" },
			"a: field ciphertext: not base64url (RFC 4648, section 5)"},
		{"hex", func(f, _ map[string]any) { f["ciphertext"] = strings.Repeat("0", 593) },
			"a: field ciphertext: not base64url (RFC 4648, section 5)"},
		{"another name", func(f, _ map[string]any) { f["Ciphertext"] = f["ciphertext"]; delete(f, "ciphertext") },
			"a: field ciphertext: 0 bytes are not a CKM_RSA_AES_KEY_WRAP, which has at least 280 and a multiple of 8"},
		{"another algorithm", func(_, h map[string]any) { h["alg"] = "RSA-OAEP" }, `a: field header.alg: expected "dir"`},
		{"no KEK", func(_, h map[string]any) { delete(h, "kid") }, "a: field header.kid is missing"},
	} {
		b, departures, err := transfer.ParseForeign("a", edited(t, c.change))
		refused(t, c.name, err, c.want)
		if b.Ciphertext != nil || departures != nil {
			t.Errorf("%s: gives a blob beside its error", c.name)
		}
	}
	for _, path := range vectors(t, "blob/invalid/*.byok") {
		if _, _, err := transfer.ParseForeign("usb/key.byok", read(t, path)); err == nil &&
			!bytes.Contains([]byte(wanted(t, path)), []byte("unknown field")) && !strings.HasSuffix(path, "ciphertext-line-break.byok") {
			t.Errorf("%s is taken", path)
		}
	}
}
