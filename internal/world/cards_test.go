package world

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/quorum"
	"byok/internal/secret"
)

func TestReadCards(t *testing.T) {
	p, w := newWorld(t)
	token := initialised(t, p.m)[0]
	for _, cards := range [][]int{{0, 1}, {1, 0}, {0, 2}, {1, 2}, {0, 1, 2}} {
		var told []string
		q := must[*Quorate](t)(w.ReadCards(p.readers(cards...), func(c quorum.Card) { told = append(told, c.String()) }))
		so := must[*hsm.SecurityOfficer](t)(q.officer(p.m, token))
		so.Close()
		q.Wipe()
		var want []string
		for _, i := range cards {
			want = append(want, fmt.Sprintf("card %d (%s)", i+1, holderNames[i]))
		}
		if !slices.Equal(told, want) {
			t.Errorf("told of %q", told)
		}
	}
}

// TestReadCardsRefuses is issue 2's six messages, and what else may go wrong.
func TestReadCardsRefuses(t *testing.T) {
	p, w := newWorld(t)
	other, theirs := p.another(t)
	foreign := other.readers(1)[0]
	spoilt := p.spoilt(t, 1)
	blank, missing := t.TempDir(), filepath.Join(t.TempDir(), "usb")
	with := func(change func(*CardReader)) CardReader {
		c := p.readers(1)[0]
		change(&c)
		return c
	}
	first := p.readers(0)[0]
	path := func(dir string) string { return filepath.Join(dir, quorum.CardFile) }
	for name, c := range map[string]struct {
		cards []CardReader
		want  failure
	}{
		"K-1 cards": {p.readers(2), failure{"only 1 of the 2 administrator cards needed have been read", exitcode.Refused,
			"add --card and the folder of each further card; still needed: 1"}},
		"no card": {nil, failure{"no card was given; this world needs 2", exitcode.Refused, ""}},
		"card of another world": {[]CardReader{first, foreign}, failure{fmt.Sprintf("%s: card 2 (Ben) belongs to security world %.8s, not to %.8s", foreign.Dir, theirs.Cards.World, w.Cards.World),
			exitcode.Refused, "use a card of this world, or the kmdata folder of that one"}},
		"corrupted card": {[]CardReader{first, spoilt}, failure{path(spoilt.Dir) + ": damaged, or not an administrator card", exitcode.Refused,
			"use another card of the set, then byok-offline world replace-cards"}},
		"repeated card": {p.readers(0, 0), failure{p.cards[0] + ": card 1 (Ada) has already been read", exitcode.Refused, "use a card that has not been read"}},
		"wrong passphrase": {[]CardReader{first, with(func(c *CardReader) { c.Passphrase = func(string) (*secret.Bytes, error) { return pin("wrong"), nil } })},
			failure{path(p.cards[1]) + ": wrong passphrase", exitcode.Refused, "type the passphrase of this card's holder again; if it is certainly right, the card is damaged: use another card of the set"}},
		"empty folder": {[]CardReader{first, with(func(c *CardReader) { c.Dir = blank })}, failure{blank + ": blank card, no byok-card.age in it", exitcode.Refused,
			"insert the medium with the card, or name the folder the card is in"}},
		"no folder": {[]CardReader{first, with(func(c *CardReader) { c.Dir = missing })}, failure{missing + ": no such folder", exitcode.Refused, "insert and mount the medium for this card"}},
		"no passphrase": {[]CardReader{with(func(c *CardReader) {
			c.Passphrase = func(dir string) (*secret.Bytes, error) {
				return nil, exitcode.Errorf(exitcode.Usage, "no terminal for %s", dir)
			}
		})}, failure{"no terminal for " + p.cards[1], exitcode.Usage, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.ReadCards(c.cards, func(quorum.Card) {})
			expect(t, err, c.want)
		})
	}
}

// spoilt copies a card with a byte of it changed.
func (p *place) spoilt(t *testing.T, card int) CardReader {
	t.Helper()
	reader := p.readers(card)[0]
	data := read(t, filepath.Join(reader.Dir, quorum.CardFile))
	data[len(data)-20] ^= 1
	reader.Dir = t.TempDir()
	ok(t, os.WriteFile(filepath.Join(reader.Dir, quorum.CardFile), data, 0o600))
	return reader
}

// TestCardsOfAnotherToken: the cards are right and the token is not theirs any more.
func TestCardsOfAnotherToken(t *testing.T) {
	p, w := newWorld(t)
	token := must[hsm.Token](t)(p.m.Initialise(must[hsm.Token](t)(p.m.Free()), pin("a stranger's SO PIN"), "stranger"))
	_, err := p.quorate(t, w).officer(p.m, token)
	expect(t, err, failure{"the cards are this world's, but wrong SO PIN for " + token.String() +
		" (CKR_PIN_INCORRECT); the token counts wrong PINs and will lock it after a few more", exitcode.HSM, ""})
}
