package cards

import (
	"errors"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/quorum"
)

func TestChangePassphrase(t *testing.T) {
	made := issue(t, 1, 1)
	m := written(t, made)[0]
	got, err := ChangePassphrase(m, pass("pass 1"), pass("next"))
	if err != nil || got.String() != "card 1 (Alice)" {
		t.Fatalf("%v, %v", got, err)
	}
	q, err := Read([]Medium{m}, setOf(made.Set), types("next"), 1)
	must(t, err)
	defer q.Wipe()
	expectSecret(t, q, made)
	if _, err := Read([]Medium{m}, setOf(made.Set), types("pass 1"), 1); err == nil {
		t.Error("the old passphrase opens the card")
	}
	if h, _, err := m.Read(); err != nil || h != HeaderOf("Contoso", made.Cards[0]) {
		t.Errorf("the header is %+v, %v", h, err)
	}
}

func TestChangePassphraseRefuses(t *testing.T) {
	made := issue(t, 2, 3)
	medium := func() Medium { return written(t, made)[0] }
	lying := func(sealed []byte) Medium {
		m := medium()
		return keeps{m, sealed}
	}
	blank := Folder(t.TempDir())
	for _, c := range []struct {
		name      string
		m         Medium
		old, next string
		want      failure
	}{
		{"blank", blank, "pass 1", "next", failure{blank.String() + ": blank card, no byok-card.age in it",
			exitcode.Refused, "insert the medium with the card, or name the folder the card is in"}},
		{"wrong", medium(), "pass 2", "next", failure{"DIR: wrong passphrase", exitcode.Refused, hintAgain}},
		{"empty", medium(), "pass 1", "", failure{
			"card 1 (Alice): an empty passphrase seals nothing", exitcode.Usage, ""}},
		{"another card is read back", lying(seal0(t, made.Cards[1], "next")), "pass 1", "next", failure{
			"DIR: the card read back is not the one written", exitcode.Refused,
			"the old card is still there; this medium does not keep what is written: byok-offline world replace-cards"}},
		{"another index is read back", lying(seal0(t, withShareOf(made.Cards[1], made.Cards[0]), "next")),
			"pass 1", "next", failure{"DIR: the card read back is not the one written", exitcode.Refused,
				"the old card is still there; this medium does not keep what is written: byok-offline world replace-cards"}},
		{"another share is read back", lying(seal0(t, withShareOf(made.Cards[0], made.Cards[1]), "next")),
			"pass 1", "next", failure{"DIR: the card read back is not the one written", exitcode.Refused,
				"the old card is still there; this medium does not keep what is written: byok-offline world replace-cards"}},
		{"damage is read back", lying([]byte("x")), "pass 1", "next", failure{
			"DIR: damaged, or not an administrator card", exitcode.Refused, hintOther}},
	} {
		if c.want.text[:4] == "DIR:" {
			c.want.text = c.m.String() + c.want.text[3:]
		}
		_, before, _ := c.m.Read()
		_, err := changePassphrase(c.m, pass(c.old), pass(c.next), testWork)
		expect(t, c.name, err, c.want)
		if _, after, _ := c.m.Read(); string(after) != string(before) {
			t.Errorf("%s: the card was changed", c.name)
		}
		if c.name == "wrong" && !errors.Is(err, ErrPassphrase) {
			t.Error("the holder may not try again")
		}
	}
}

// keeps is a medium that reads back something else than is written.
type keeps struct {
	Medium
	other []byte
}

func (k keeps) Replace(_ []byte, verify func([]byte) error) error {
	return k.Medium.Replace(k.other, verify)
}

var _ Medium = keeps{}

// TestChangedCardsKeepTheirCost holds that a production card is not sealed
// more cheaply when its passphrase changes.
func TestChangedCardsKeepTheirCost(t *testing.T) {
	if got := workFactor(0, quorum.Card{}); got != WorkFactor {
		t.Errorf("work factor %d", got)
	}
}
