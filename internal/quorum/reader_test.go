package quorum

import (
	"fmt"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/secret"
)

// TestEveryQuorumRecovers reads every choice of cards of a set, the last first.
func TestEveryQuorumRecovers(t *testing.T) {
	for _, q := range []Quorum{{1, 1}, {1, 3}, {2, 3}, {3, 3}, {3, 5}} {
		made := issue(t, q)
		for mask := range 1 << q.N {
			r, err := NewReader(made.Set)
			if err != nil {
				t.Fatal(err)
			}
			count := 0
			for i := q.N - 1; i >= 0; i-- {
				if mask&(1<<i) == 0 {
					continue
				}
				count++
				if err := r.Add("usb", copyOf(made.Cards[i])); err != nil {
					t.Fatal(err)
				}
			}
			if r.Missing() != max(0, q.K-count) {
				t.Errorf("%s with %d cards: %d missing", q, count, r.Missing())
			}
			checkSecret(t, r, count, made.Secret)
			r.Wipe()
		}
	}
}

func checkSecret(t *testing.T, r *Reader, count int, want *Secret) {
	t.Helper()
	s, err := r.Secret()
	if r.Missing() > 0 {
		expect(t, "too few", err, failure{
			text: fmt.Sprintf("only %d of the %d administrator cards needed have been read", count, r.set.Quorum.K),
			code: exitcode.Refused,
			hint: fmt.Sprintf("add --card and the folder of each further card; still needed: %d", r.Missing()),
		})
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !s.scalar.Equal(want.scalar) {
		t.Errorf("%d cards of %s rebuild another secret", count, r.set.Quorum)
	}
	s.Wipe()
}

func TestAddRefuses(t *testing.T) {
	made, other := issue(t, Quorum{2, 3}), issue(t, Quorum{2, 3})
	const evidence = "keep the card as evidence and use another card of the set, then byok-offline world replace-cards"
	const altered = "(Holder B) does not fit the world's commitments: the card was altered"
	b := func(text string) string { return "usb2: card 2 (Holder B) " + text }
	foreign := fingerprint.Of([]byte("of another world"))
	for _, c := range []struct {
		name       string
		spoil      func(*Card)
		text, hint string
	}{
		{"rehearsal's", func(c *Card) { c.Rehearsal = true },
			b("is a rehearsal's: production refuses it"), "use a card of the production world"},
		{"earlier set", func(c *Card) { c.Set, c.HKNSO = 1, foreign },
			b("is of card set 1, not of set 2"), "use a card of set 2; if set 1 was replaced, destroy its cards"},
		{"later set", func(c *Card) { c.Set, c.HKNSO = 3, foreign },
			b("is of card set 3, not of set 2"),
			"if set 2 was replaced, use cards of set 3 and kmdata as it was afterwards"},
		{"another world", func(c *Card) { c.HKNSO = foreign },
			b(fmt.Sprintf("belongs to the world of hknso %.8s, not of %.8s", foreign, testKNSO)),
			"use a card of this world, or the kmdata folder of that one"},
		{"other quorum", func(c *Card) { c.Quorum.K = 1 }, b("says quorum 1/3, the card set 2/3"), evidence},
		{"other holder", func(c *Card) { c.Holder = "Mallory" },
			"usb2: card 2 (Mallory) is held by Holder B in the card set", evidence},
		{"already read", func(c *Card) { c.Index, c.Holder = 1, "Holder A" },
			"usb2: card 1 (Holder A) has already been read", "use a card that has not been read"},
		{"share changed", func(c *Card) { c.Share.Reveal()[0] ^= 1 }, "usb2: the share of card 2 " + altered, evidence},
		{"share zero", func(c *Card) { clear(c.Share.Reveal()) }, "usb2: the share of card 2 " + altered, evidence},
		{"share of card 1", func(c *Card) { c.Share = copyOf(made.Cards[0]).Share },
			"usb2: the share of card 2 " + altered, evidence},
		{"share of another set", func(c *Card) { c.Share = copyOf(other.Cards[1]).Share },
			"usb2: the share of card 2 " + altered, evidence},
		{"wiped", func(c *Card) { c.Wipe() },
			b("is not complete: field share: not a number below the group order"), ""},
	} {
		r, second := secondSet(t, made)
		c.spoil(&second)
		expect(t, c.name, r.Add("usb2", second), failure{c.text, exitcode.Refused, c.hint})
		if r.Missing() != 1 {
			t.Errorf("%s: the refused card counts", c.name)
		}
		if second.Share.Len() != 0 {
			t.Errorf("%s: the refused card's share is still there", c.name)
		}
		r.Wipe()
	}
}

// secondSet is a reader of the set as if it were number 2, which has read the
// first card, and the second card.
func secondSet(t *testing.T, made *Issue) (*Reader, Card) {
	t.Helper()
	set := made.Set
	set.Number = 2
	r, err := NewReader(set)
	if err != nil {
		t.Fatal(err)
	}
	first, second := copyOf(made.Cards[0]), copyOf(made.Cards[1])
	first.Set, second.Set = 2, 2
	if err := r.Add("usb1", first); err != nil {
		t.Fatal(err)
	}
	return r, second
}

func TestRehearsalRefusesAProductionCard(t *testing.T) {
	made := issue(t, Quorum{1, 1})
	made.Set.Rehearsal = true
	r, err := NewReader(made.Set)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "production card", r.Add("usb", copyOf(made.Cards[0])), failure{
		"usb: card 1 (Holder A) is a production card: a rehearsal refuses it", exitcode.Refused,
		"use a card of the rehearsal's world"})
}

// TestSecretIsCheckedAgainstItsCommitment cannot happen with cards that Add
// accepted; the check is for faults of memory and of the library.
func TestSecretIsCheckedAgainstItsCommitment(t *testing.T) {
	made := issue(t, Quorum{2, 2})
	r, err := NewReader(made.Set)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range made.Cards {
		if err := r.Add("usb", copyOf(c)); err != nil {
			t.Fatal(err)
		}
	}
	r.cards[0].Share.Reveal()[0] ^= 1
	_, err = r.Secret()
	expect(t, "bit flipped", err, failure{
		"the cards read do not rebuild the world secret that the card set commits to", exitcode.Refused,
		"do not use this computer for the ceremony: each card fits on its own, so its memory is at fault"})
	r.cards[0].Share = secret.Take(make([]byte, 31))
	if _, err = r.Secret(); err == nil {
		t.Error("a share of 31 bytes is taken")
	}
}

func TestWipeEmptiesEverything(t *testing.T) {
	made := issue(t, Quorum{1, 2})
	r, err := NewReader(made.Set)
	if err != nil {
		t.Fatal(err)
	}
	card := copyOf(made.Cards[0])
	if err := r.Add("usb", card); err != nil {
		t.Fatal(err)
	}
	s, err := r.Secret()
	if err != nil {
		t.Fatal(err)
	}
	r.Wipe()
	s.Wipe()
	made.Wipe()
	made.Wipe()
	(*Secret)(nil).Wipe()
	(*Issue)(nil).Wipe()
	if card.Share.Len()+s.scalar.Len()+made.Cards[1].Share.Len()+made.Secret.scalar.Len() != 0 || r.Missing() != 1 {
		t.Error("something is left after Wipe")
	}
}
