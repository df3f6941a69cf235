package quorum

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

func TestCheckHolders(t *testing.T) {
	got, err := CheckHolders([]string{" Alice\tArnold ", "Bob", "Zoë"})
	if err != nil || !slices.Equal(got, []string{"Alice Arnold", "Bob", "Zoë"}) {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestCheckHoldersRefuses(t *testing.T) {
	twice := func(i, j int, name string) failure {
		return failure{
			text: fmt.Sprintf("card holders %d and %d are both %q: one person may not hold two cards", i, j, name),
			code: exitcode.Refused,
			hint: fmt.Sprintf("name another person for card %d", j),
		}
	}
	usage := func(text string) failure { return failure{"the name of card holder " + text, exitcode.Usage, ""} }
	for _, c := range []struct {
		name  string
		names []string
		want  failure
	}{
		{"twice", []string{"Alice", "Bob", "Alice"}, twice(1, 3, "Alice")},
		{"case", []string{"Zoë Å", " ZOË  å"}, twice(1, 2, "ZOË å")},
		{"empty", []string{"Alice", "\t"}, usage("2: it is empty")},
		{"long", []string{strings.Repeat("a", 65)}, usage("1: it has 65 bytes; at most 64 are allowed")},
		{"escape", []string{"Al\x1b[2Jice"}, usage("1: it is not one line of printable characters")},
		{"not UTF-8", []string{"Al\xffice"}, usage("1: it is not one line of printable characters")},
	} {
		_, err := CheckHolders(c.names)
		expect(t, c.name, err, c.want)
	}
}

func TestCardEncodesAndDecodes(t *testing.T) {
	card := issue(t, Quorum{2, 3}).Cards[1]
	got, err := Decode("usb", pass(string(encoded(t, card))))
	if err != nil {
		t.Fatal(err)
	}
	if !got.Share.Equal(card.Share) {
		t.Error("another share came back")
	}
	got.Share = card.Share
	if got != card {
		t.Errorf("encoded %+v, decoded %+v", card, got)
	}
}

func TestEncodeRefusesAWipedCard(t *testing.T) {
	card := issue(t, Quorum{1, 1}).Cards[0]
	card.Wipe()
	_, err := card.Encode()
	expect(t, "wiped", err,
		failure{"card 1 (Holder A): field share: not a number below the group order", exitcode.Failed, ""})
}

func TestDecodeRefuses(t *testing.T) {
	good := string(read(t, "testdata/world/card2.json"))
	share := good[strings.LastIndex(good, `: "`)+3 : len(good)-4]
	hknso := fixedWorld(t).HKNSO.String()
	const order = "edd3f55c1a631258d69cf7a2def9de14" + "00000000000000000000000000000010"
	for _, c := range []struct{ name, old, new, want string }{
		{"type", "byok-administrator-card", "byok-operator-card",
			`type is "byok-operator-card", expected "byok-administrator-card"`},
		{"version 1", `"version": 2`, `"version": 1`,
			"version 1 of byok-administrator-card; this release reads version 2"},
		{"later version", `"version": 2`, `"version": 3, "more": true`,
			"version 3 of byok-administrator-card, written by a later release; this one reads version 2"},
		{"hknso", hknso, hknso[1:], "field hknso: a SHA-256 sum is 64 lower-case hex digits"},
		{"no hknso", hknso, strings.Repeat("0", 64), "field hknso is missing"},
		{"set", `"set": 1`, `"set": 0`, "field set: sets are counted from 1"},
		{"quorum", "2/3", "4/3", "field quorum: quorum 4/3: 4 cards can never be read from a set of 3"},
		{"no quorum", "  \"quorum\": \"2/3\",\n", "", "field quorum: quorum 0/0: at least one card must be needed"},
		{"index 0", `"index": 2`, `"index": 0`, "field index: card 0 of 3"},
		{"index 4", `"index": 2`, `"index": 4`, "field index: card 4 of 3"},
		{"holder", "Bob", "Bob ", "field holder: not a card holder's name"},
		{"short share", share, share[1:], "field share: not 64 lower-case hex digits"},
		{"share letters", share, "g" + share[1:], "field share: not 64 lower-case hex digits"},
		{"share too big", share, strings.Repeat("f", 64), "field share: not a number below the group order"},
		{"the order", share, order, "field share: not a number below the group order"},
		{"share digits", share, strings.ToUpper(share), "its content is not written as cards are"},
		{"no share", ",\n  \"share\": \"" + share + `"`, "", "field share: not a number below the group order"},
		{"share twice", `"index"`, `"share": "` + share + "\",\n  \"index\"", "field share appears twice"},
		{"no rehearsal mark", "  \"rehearsal\": false,\n", "", "its content is not written as cards are"},
		{"unknown field", `"index"`, `"indx"`, "unknown field indx"},
		{"blanks", "}\n", "}\n\n", "its content is not written as cards are"},
		{"empty", good, "", "not valid JSON at byte 0"},
		{"over-size", "}\n", "}" + strings.Repeat("\n", MaxCard),
			fmt.Sprintf("%d bytes, more than the %d such a file may have", len(good)-1+MaxCard, MaxCard)},
	} {
		_, err := Decode("usb", pass(strings.Replace(good, c.old, c.new, 1)))
		expect(t, c.name, err, failure{"usb: " + c.want, exitcode.Refused, ""})
	}
}

func TestCardIsPrintedWithoutItsShare(t *testing.T) {
	card := issue(t, Quorum{1, 1}).Cards[0]
	digits := fmt.Sprintf("%x", card.Share.Reveal())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if out := fmt.Sprintf(verb, card); strings.Contains(out, digits) {
			t.Errorf("%s prints %s", verb, out)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for n := 1; n <= 3; n++ {
		f.Add(read(f, fmt.Sprintf("testdata/world/card%d.json", n)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text := pass(string(data))
		defer text.Wipe()
		card, err := Decode("card", text)
		if err != nil {
			return
		}
		defer card.Wipe()
		again, err := card.Encode()
		if err != nil || again.Text() != string(data) {
			t.Errorf("re-encodes otherwise: %v", err)
		}
		again.Wipe()
	})
}
