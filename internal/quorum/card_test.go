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
	usage := func(n int) failure {
		return failure{fmt.Sprintf("card holder %d: a name has 1 to 64 bytes, all printable", n), exitcode.Usage, ""}
	}
	for name, c := range map[string]struct {
		names []string
		want  failure
	}{
		"twice":     {[]string{"Alice", "Bob", "Alice"}, failure{`card holders 1 and 3 are both "Alice": nobody may hold two cards`, exitcode.Refused, "name another person for card 3"}},
		"case":      {[]string{"Zoë Å", " ZOË  å"}, failure{`card holders 1 and 2 are both "ZOË å": nobody may hold two cards`, exitcode.Refused, "name another person for card 2"}},
		"empty":     {[]string{"Alice", "\t"}, usage(2)},
		"long":      {[]string{strings.Repeat("a", 65)}, usage(1)},
		"escape":    {[]string{"Al\x1b[2Jice"}, usage(1)},
		"not UTF-8": {[]string{"Al\xffice"}, usage(1)},
	} {
		_, err := CheckHolders(c.names)
		expect(t, name, err, c.want)
	}
}

func TestCardContentRefuses(t *testing.T) {
	good := string(read(t, "testdata/world/card2.json"))
	share := good[strings.LastIndex(good, `: "`)+3 : len(good)-4]
	for name, c := range map[string]struct{ old, new, want string }{
		"type":          {"byok-administrator-card", "byok-operator-card", "usb: its content is not a byok-administrator-card"},
		"version":       {`"version": 1`, `"version": 2`, "usb: card format version 2, this program reads version 1"},
		"world":         {`"world": "`, `"world": "0`, "usb: field world: not 64 lower-case hex digits"},
		"set":           {`"set": 1`, `"set": 0`, "usb: field set: sets are counted from 1"},
		"quorum":        {"2/3", "4/3", "usb: field quorum: quorum 4/3: 4 cards can never be read from a set of 3"},
		"index 0":       {`"index": 2`, `"index": 0`, "usb: field index: card 0 of 3"},
		"index 4":       {`"index": 2`, `"index": 4`, "usb: field index: card 4 of 3"},
		"holder":        {"Bob", "Bob ", "usb: field holder: not a card holder's name"},
		"short share":   {share, share[1:], "usb: field share: not 64 lower-case hex digits"},
		"share letters": {share, "g" + share[1:], "usb: field share: not 64 lower-case hex digits"},
		"share too big": {share, strings.Repeat("f", 64), "usb: field share: not a number below the group order"},
		"the order":     {share, "edd3f55c1a631258d69cf7a2def9de14" + strings.Repeat("0", 30) + "10", "usb: field share: not a number below the group order"},
		"share digits":  {share, strings.ToUpper(share), "usb: its content is not written as cards are"},
		"no share":      {",\n  \"share\": \"" + share + `"`, "", "usb: field share: not a number below the group order"},
		"share twice":   {`"index"`, `"share": "` + share + "\",\n  \"index\"", "usb: field share appears twice"},
		"unknown field": {`"index"`, `"indx"`, "usb: unknown field indx"},
		"blanks":        {"}\n", "}\n\n", "usb: its content is not written as cards are"},
		"empty":         {good, "", "usb: not valid JSON at byte 0"},
		"over-size":     {"}\n", "}" + strings.Repeat("\n", maxCard), fmt.Sprintf("usb: %d bytes, more than the %d such a file may have", len(good)-1+maxCard, maxCard)},
	} {
		_, err := unmarshal("usb", pass(strings.Replace(good, c.old, c.new, 1)))
		expect(t, name, err, failure{c.want, exitcode.Refused, ""})
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

func FuzzCard(f *testing.F) {
	for n := 1; n <= 3; n++ {
		f.Add(read(f, fmt.Sprintf("testdata/world/card%d.json", n)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text := pass(string(data))
		defer text.Wipe()
		card, err := unmarshal("card", text)
		if err != nil {
			return
		}
		defer card.Wipe()
		again, err := card.marshal()
		if err != nil || again.Text() != string(data) {
			t.Errorf("re-encodes otherwise: %v", err)
		}
		again.Wipe()
	})
}
