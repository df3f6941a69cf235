package cards

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// TestHostileCards: what a card costs is written on it by whoever made it, so
// none is tried that costs more than one of ours. Each is refused, whatever the
// passphrase.
func TestHostileCards(t *testing.T) {
	card := issue(t, 2, 3).Cards[0]
	good := string(seal0(t, card, "opens it"))
	_, rest, _ := strings.Cut(good, "\n")
	line, rest, _ := strings.Cut(rest, "\n")
	const intro = "age-encryption.org/v1\n"
	work := func(factor string) string {
		return intro + strings.TrimSuffix(line, " 2") + " " + factor + "\n" + rest
	}
	const damage = "usb: damaged, or not an administrator card"
	costs := func(factor string) string {
		return "usb: sealed with scrypt work factor " + factor + "; at most 18 is accepted"
	}
	stanza := line + "\n" + strings.SplitAfter(rest, "\n")[0]
	for _, c := range []struct{ name, sealed, want string }{
		{"work factor 19", work("19"), costs("19")},
		{"work factor 22", work("22"), costs("22")},
		{"work factor 63", work("63"), costs("63")},
		{"work factor 0019", work("0019"), costs("19")},
		{"work factor that no number holds", work(strings.Repeat("9", 30)), damage},
		{"work factor 0", work("0"), damage},
		{"work factor -1", work("-1"), damage},
		{"work factor in hex", work("0x10"), damage},
		{"two scrypt stanzas", intro + stanza + good[len(intro):], damage},
		{"a stanza too costly behind a good one", intro + stanza + work("30")[len(intro):], damage},
		{"too costly behind a stanza of another type", intro + "-> X25519 " + strings.Repeat("A", 43) + "\n" +
			strings.Repeat("A", 43) + "\n" + work("30")[len(intro):], damage},
		{"as many stanzas as a card file holds", intro + strings.Repeat("-> x\n\n", maxFile/6) + good[len(intro):], damage},
		{"a header without end", intro + strings.Repeat("-> x "+strings.Repeat("y", 60)+"\n", maxFile/66), damage},
		{"a line without end", intro + "-> " + strings.Repeat("y", maxFile), damage},
		{"ASCII armor", "-----BEGIN AGE ENCRYPTED FILE-----\n" + strings.Repeat("A", 64) + "\n", damage},
		{"another version", "age-encryption.org/v2\n" + good[len(intro):], damage},
		{"zeros", strings.Repeat("\x00", maxFile), damage},
	} {
		_, err := Open("usb", []byte(c.sealed), pass("opens it"))
		expect(t, c.name, err, failure{c.want, exitcode.Refused, hintOther})
	}
}

// TestCostlyCardIsRefusedUnasked: nobody types a passphrase for it.
func TestCostlyCardIsRefusedUnasked(t *testing.T) {
	made := issue(t, 1, 1)
	m := written(t, made)[0]
	_, sealed, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	costly := bytes.Replace(sealed, fmt.Appendf(nil, " %d\n", testWork), []byte(" 19\n"), 1)
	if err := m.Replace(costly, func([]byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	ui := &person{tries: 3}
	_, err = Read([]Medium{m}, nil, ui, 1)
	expect(t, "costly", err, failure{
		m.String() + ": sealed with scrypt work factor 19; at most 18 is accepted", exitcode.Refused, hintOther})
}

// TestMemoryOfACard: scrypt takes 128·r·N bytes with r = 8 and N = 2^factor
// (RFC 7914, section 5), which leaves room for the rest of the program.
func TestMemoryOfACard(t *testing.T) {
	const limit, room = 512e6, 64e6
	if takes := 128 * 8 * math.Pow(2, MaxWorkFactor); takes > limit-room {
		t.Errorf("a card of work factor %d takes %.0f bytes", MaxWorkFactor, takes)
	}
}
