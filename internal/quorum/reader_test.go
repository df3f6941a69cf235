package quorum

import (
	"fmt"
	"testing"

	"byok/internal/exitcode"
)

// TestEveryQuorumRecovers reads every K of N cards, in every order of the set.
func TestEveryQuorumRecovers(t *testing.T) {
	for _, q := range []Quorum{{1, 1}, {1, 3}, {2, 3}, {3, 3}, {3, 5}} {
		made := issue(t, q)
		want := derived(t, made.Secret)
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
			checkSecret(t, r, count, want)
			r.Wipe()
		}
	}
}

func checkSecret(t *testing.T, r *Reader, count int, want recovered) {
	t.Helper()
	s, err := r.Secret()
	if r.Missing() > 0 {
		expect(t, "too few", err, failure{
			fmt.Sprintf("only %d of the %d administrator cards needed have been read", count, r.set.Quorum.K), exitcode.Refused,
			fmt.Sprintf("add --card and the folder of each further card; still needed: %d", r.Missing())})
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if derived(t, s) != want {
		t.Errorf("%d cards of %s rebuild another secret", count, r.set.Quorum)
	}
	s.Wipe()
}

func TestAddRefuses(t *testing.T) {
	made, other := issue(t, Quorum{2, 3}), issue(t, Quorum{2, 3})
	const hintEvidence = "keep the card as evidence and use another card of the set, then byok-offline world replace-cards"
	altered := "usb2: the share of card 2 (Holder B) does not fit the world's commitments: the card was altered"
	for name, c := range map[string]struct {
		spoil func(*Card)
		want  failure
	}{
		"another world": {func(c *Card) { *c = copyOf(other.Cards[1]) }, failure{fmt.Sprintf("usb2: card 2 (Holder B) belongs to security world %.8s, not to %.8s", other.Set.World, made.Set.World), exitcode.Refused, "use a card of this world, or the kmdata folder of that one"}},
		"earlier set":   {func(c *Card) { c.Set = 1 }, failure{"usb2: card 2 (Holder B) is of card set 1, which set 2 has replaced", exitcode.Refused, "destroy the old card and use the new one"}},
		"later set":     {func(c *Card) { c.Set = 3 }, failure{"usb2: card 2 (Holder B) is of card set 3, but the world file is of set 2", exitcode.Refused, "use the kmdata folder as it was after the cards were replaced"}},
		"other quorum":  {func(c *Card) { c.Quorum.K = 1 }, failure{"usb2: card 2 (Holder B) says quorum 1/3, the world file 2/3", exitcode.Refused, ""}},
		"other holder":  {func(c *Card) { c.Holder = "Mallory" }, failure{"usb2: card 2 (Mallory) is held by Holder B in the world file", exitcode.Refused, ""}},
		"already read":  {func(c *Card) { c.Index, c.Holder = 1, "Holder A" }, failure{"usb2: card 1 (Holder A) has already been read", exitcode.Refused, "use a card that has not been read"}},
		"share changed": {func(c *Card) { c.Share.Reveal()[0] ^= 1 }, failure{altered, exitcode.Refused, hintEvidence}},
		"share zero":    {func(c *Card) { clear(c.Share.Reveal()) }, failure{altered, exitcode.Refused, hintEvidence}},
		"share of 1":    {func(c *Card) { *c = copyOf(made.Cards[0]); c.Index, c.Holder = 2, "Holder B"; c.Set = 2 }, failure{altered, exitcode.Refused, hintEvidence}},
		"wiped":         {func(c *Card) { c.Wipe() }, failure{"usb2: card 2 (Holder B) is not complete", exitcode.Refused, ""}},
	} {
		set := made.Set
		set.Number = 2 // so that there is an earlier one
		r, err := NewReader(set)
		if err != nil {
			t.Fatal(err)
		}
		first, second := copyOf(made.Cards[0]), copyOf(made.Cards[1])
		first.Set, second.Set = 2, 2
		if err := r.Add("usb1", first); err != nil {
			t.Fatal(err)
		}
		c.spoil(&second)
		expect(t, name, r.Add("usb2", second), c.want)
		if r.Missing() != 1 {
			t.Errorf("%s: the refused card counts", name)
		}
		if second.Share.Len() != 0 {
			t.Errorf("%s: the refused card's share is still there", name)
		}
	}
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
	expect(t, "bit flipped", err, failure{"the cards read do not rebuild the world secret the world file commits to", exitcode.Refused, ""})
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
	if card.Share.Len()+s.scalar.Len()+made.Cards[1].Share.Len()+made.Secret.scalar.Len() != 0 || r.Missing() != 1 {
		t.Error("something is left after Wipe")
	}
}
