package cards

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"filippo.io/age"

	"byok/internal/exitcode"
	"byok/internal/quorum"
)

func TestSealOpens(t *testing.T) {
	card := issue(t, 2, 3).Cards[1]
	got, err := Open("usb", seal0(t, card, "opens it"), pass("opens it"))
	if err != nil {
		t.Fatal(err)
	}
	defer got.Wipe()
	if !got.Share.Equal(card.Share) {
		t.Error("another share came back")
	}
	got.Share = card.Share
	if got != card {
		t.Errorf("sealed %+v, opened %+v", card, got)
	}
}

func TestSealRefuses(t *testing.T) {
	made := issue(t, 1, 1)
	for _, c := range []struct {
		name       string
		passphrase string
		work       int
		want       string
	}{
		{"no work", "p", 0, "card 1 (Alice): work factor 0 is not between 1 and 18"},
		{"too much work", "p", 19, "card 1 (Alice): work factor 19 is not between 1 and 18"},
		{"empty", "", testWork, "card 1 (Alice): an empty passphrase seals nothing"},
	} {
		_, err := Seal(made.Cards[0], pass(c.passphrase), c.work)
		expect(t, c.name, err, failure{c.want, exitcode.Usage, ""})
	}
	made.Cards[0].Wipe()
	_, err := Seal(made.Cards[0], pass("p"), testWork)
	expect(t, "wiped", err,
		failure{"card 1 (Alice): field share: not a number below the group order", exitcode.Failed, ""})
}

func TestOpenRefuses(t *testing.T) {
	card := issue(t, 2, 3).Cards[0]
	text, err := card.Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := seal0(t, card, "opens it")
	flipped := func(at int) []byte {
		out := bytes.Clone(good)
		out[at] ^= 1
		return out
	}
	wrong := failure{"usb: wrong passphrase", exitcode.Refused, hintAgain}
	damage := failure{"usb: damaged, or not an administrator card", exitcode.Refused, hintOther}
	for _, c := range []struct {
		name       string
		sealed     []byte
		passphrase string
		want       failure
	}{
		{"wrong passphrase", good, "opens it not", wrong},
		{"another case", good, "Opens it", wrong},
		{"no passphrase", good, "", wrong},
		{"body changed", flipped(len(good) - 40), "opens it", damage},
		{"tag changed", flipped(len(good) - 1), "opens it", damage},
		{"intro changed", flipped(0), "opens it", damage},
		{"cut in the body", good[:len(good)-1], "opens it", damage},
		{"cut in the header", good[:40], "opens it", damage},
		{"body gone", good[:len(good)-16-text.Len()], "opens it", damage},
		{"nonce cut", good[:len(good)-17-text.Len()], "opens it", damage},
		{"empty file", nil, "opens it", damage},
		{"trailing data", append(bytes.Clone(good), 0), "opens it", damage},
		{"sealed to a key", sealedToKey(t), "opens it", damage},
	} {
		_, err := Open("usb", c.sealed, pass(c.passphrase))
		expect(t, c.name, err, c.want)
		if errors.Is(err, ErrPassphrase) != (c.want == wrong) {
			t.Errorf("%s: may the holder try again?", c.name)
		}
	}
}

func sealedToKey(t *testing.T) []byte {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return sealedTo(t, key.Recipient(), []byte("{}"))
}

func sealedTo(t *testing.T, to age.Recipient, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestOpenRefusesOtherContent(t *testing.T) {
	to, err := age.NewScryptRecipient("opens it")
	if err != nil {
		t.Fatal(err)
	}
	to.SetWorkFactor(testWork)
	const tooLong = "usb: 2049 bytes, more than the 2048 such a file may have"
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"nothing", nil, "usb: not valid JSON at byte 0"},
		{"a letter", []byte("Dear Bob"), "usb: not valid JSON at byte 0"},
		{"an object", []byte("{}"), `usb: type is "", expected "byok-administrator-card"`},
		{"too long", make([]byte, quorum.MaxCard+1), tooLong},
		{"much text", make([]byte, 100<<10), tooLong},
	} {
		_, err := Open("usb", sealedTo(t, to, c.content), pass("opens it"))
		expect(t, c.name, err, failure{c.want, exitcode.Refused, ""})
	}
}

// TestFixedCardsOpen reads cards that must open for ever.
func TestFixedCardsOpen(t *testing.T) {
	r, err := quorum.NewReader(fixedSet(t))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Wipe()
	for n := 1; n <= 3; n++ {
		name := fmt.Sprintf("card%d", n)
		card, err := Open(name, read(t, "testdata/world/"+name+".age"), pass(fmt.Sprintf("passphrase of card %d", n)))
		if err != nil {
			t.Fatal(err)
		}
		text, err := card.Encode()
		if err != nil || !bytes.Equal(text.Reveal(), read(t, "../quorum/testdata/world/"+name+".json")) {
			t.Errorf("%s.age does not hold %s.json (%v)", name, name, err)
		}
		if err := r.Add(name, card); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := r.Secret(); err != nil {
		t.Error(err)
	} else {
		s.Wipe()
	}
}

// FuzzOpen holds that an age file cannot be changed and still open.
func FuzzOpen(f *testing.F) {
	sealed := read(f, "testdata/fuzzopen.age")
	f.Add(sealed)
	f.Add(sealed[:len(sealed)-1])
	f.Add(bytes.Replace(sealed, []byte("scrypt"), []byte("X25519"), 1))
	passphrase := pass("opens it")
	if card, err := Open("usb", sealed, passphrase); err != nil {
		f.Fatal(err)
	} else {
		card.Wipe()
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if lines := bytes.SplitN(data, []byte("\n"), 3); len(lines) > 1 && !bytes.HasSuffix(lines[1], []byte(" 2")) {
			return // another work factor takes too long
		}
		card, err := Open("usb", data, passphrase)
		if err == nil && !bytes.Equal(data, sealed) {
			t.Errorf("opened as %v", card)
		}
		if err != nil && exitcode.Of(err) != exitcode.Refused {
			t.Errorf("status %d: %v", exitcode.Of(err), err)
		}
		card.Wipe()
	})
}
