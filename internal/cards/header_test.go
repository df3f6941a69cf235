package cards

import (
	"fmt"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

func TestHeaderEncodesAndDecodes(t *testing.T) {
	want := HeaderOf("Contoso", issue(t, 2, 3).Cards[1])
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeHeader("usb", data)
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if got.String() != "card 2 (Bob)" || (Header{}).String() != "" {
		t.Errorf("it is called %q", got)
	}
}

func TestFixedHeaders(t *testing.T) {
	set := fixedSet(t)
	for n := 1; n <= 3; n++ {
		name := fmt.Sprintf("testdata/world/card%d.json", n)
		h, err := DecodeHeader(name, read(t, name))
		if err != nil || !h.of(set) || h.Index != n || h.Holder != set.Holders[n-1] || h.World != "Contoso" {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
}

func TestEncodeRefusesAHeader(t *testing.T) {
	good := HeaderOf("Contoso", issue(t, 2, 3).Cards[1])
	for _, c := range []struct {
		name  string
		spoil func(*Header)
		want  string
	}{
		{"no world", func(h *Header) { h.World = "" }, "field world: it is empty"},
		{"world too long", func(h *Header) { h.World = strings.Repeat("w", 65) },
			"field world: it has 65 bytes; at most 64 are allowed"},
		{"no hknso", func(h *Header) { h.HKNSO = fingerprint.Sum{} }, "field hknso is missing"},
		{"set", func(h *Header) { h.Set = 0 }, "field set: sets are counted from 1"},
		{"index", func(h *Header) { h.Index = 4 }, "field index: card 4 of 3"},
		{"holder", func(h *Header) { h.Holder = " Bob" }, "field holder: not a card holder's name"},
	} {
		h := good
		c.spoil(&h)
		_, err := h.Encode()
		expect(t, c.name, err, failure{"card header: " + c.want, exitcode.Failed, ""})
	}
}

func TestDecodeHeaderRefuses(t *testing.T) {
	good := string(read(t, "testdata/world/card2.json"))
	for _, c := range []struct{ name, old, new, want string }{
		{"type", "byok-card-header", "byok-world", `type is "byok-world", expected "byok-card-header"`},
		{"later version", `"version": 1`, `"version": 2`,
			"version 2 of byok-card-header, written by a later release; this one reads version 1"},
		{"escape in the holder", "Bob", `\u001b[2J`, "field holder: not a card holder's name"},
		{"right to left", "Contoso", `Cont\u202eoso`, "line 4 differs from what the program writes: " +
			"a field is missing, null, out of order or spaced differently"},
		{"control in the world", "Contoso", "Cont\u202eoso", "field world: it is not one line of printable characters"},
		{"unknown field", `"set"`, `"sett"`, "unknown field sett"},
		{"blanks", "}\n", "}\n\n", "line 12 differs from what the program writes: " +
			"a field is missing, null, out of order or spaced differently"},
		{"empty", good, "", "not valid JSON at byte 0"},
	} {
		_, err := DecodeHeader("usb", []byte(strings.Replace(good, c.old, c.new, 1)))
		expect(t, c.name, err, failure{"usb: " + c.want, exitcode.Refused, ""})
	}
}

// FuzzDecodeHeader holds that what is decoded encodes to the same bytes, and
// cannot steer a terminal.
func FuzzDecodeHeader(f *testing.F) {
	f.Add(read(f, "testdata/world/card1.json"))
	f.Add(read(f, "testdata/world/card3.json"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := DecodeHeader("usb", data)
		if err != nil {
			return
		}
		if again, err := h.Encode(); err != nil || string(again) != string(data) {
			t.Errorf("re-encodes as %q, %v", again, err)
		}
		if strings.ContainsAny(h.String()+h.World, "\x00\x1b\n\r\u202e") {
			t.Errorf("%q", h)
		}
	})
}
