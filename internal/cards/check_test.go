package cards

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/quorum"
)

func TestCheck(t *testing.T) {
	made := issue(t, 2, 3)
	media := written(t, made)
	altered := written(t, made)[2]
	renew(t, altered, seal0(t, withShareOf(made.Cards[2], made.Cards[0]), "pass 3"))
	bare := written(t, made)[1]
	must(t, os.Remove(filepath.Join(bare.String(), HeaderFile)))
	none := failure{}
	const evidence = "keep the card as evidence and use another card of the set, then byok-offline world replace-cards"
	for _, c := range []struct {
		name  string
		m     Medium
		typed []string
		card  string
		want  failure
	}{
		{"good", media[0], []string{"pass 1"}, "card 1 (Alice)", none},
		{"second try", media[1], []string{"oops", "pass 2"}, "card 2 (Bob)", none},
		{"no header", bare, []string{"pass 2"}, "card 2 (Bob)", none},
		{"wrong passphrase", media[0], []string{"a", "b", "c"}, "card in " + media[0].String(), failure{
			media[0].String() + ": wrong passphrase", exitcode.Refused, hintAgain}},
		{"not there", Folder("/nowhere"), nil, "card in /nowhere", failure{
			"/nowhere: no such folder", exitcode.Refused, hintMount}},
		{"altered", altered, []string{"pass 3"}, "card 3 (Carol)", failure{
			altered.String() + ": the share of card 3 (Carol) does not fit the world's commitments: the card was altered",
			exitcode.Refused, evidence}},
	} {
		got, err := Check([]Medium{c.m}, made.Set, types(c.typed...))
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v, %v", c.name, got, err)
		}
		if got[0].Card != c.card {
			t.Errorf("%s: it is called %q", c.name, got[0].Card)
		}
		if c.want != none {
			expect(t, c.name, got[0].Err, c.want)
		} else if got[0].Err != nil {
			t.Errorf("%s: %v", c.name, got[0].Err)
		}
	}
}

// TestCheckGoesOn holds that a bad card hides no other, and that one card
// given twice counts once.
func TestCheckGoesOn(t *testing.T) {
	made := issue(t, 2, 3)
	media := written(t, made)
	p := types("pass 1", "pass 1", "pass 3")
	got, err := Check([]Medium{media[0], Folder("/nowhere"), media[0], media[2]}, made.Set, p)
	if err != nil {
		t.Fatal(err)
	}
	var outcome []bool
	for _, c := range got {
		outcome = append(outcome, c.Err == nil)
	}
	if fmt.Sprint(outcome) != "[true false false true]" {
		t.Errorf("checked %+v", got)
	}
	p.expectHeard(t, "check",
		fmt.Sprintf("ask 0, try 1: passphrase of card 1 (Alice) in %s", media[0]), isRead(media[0]),
		fmt.Sprintf("ask 2, try 1: passphrase of card 1 (Alice) in %s", media[0]), isRead(media[0]),
		fmt.Sprintf("ask 3, try 1: passphrase of card 3 (Carol) in %s", media[2]), isRead(media[2]))
}

func TestCheckNeedsACardSet(t *testing.T) {
	_, err := Check(nil, quorum.CardSet{}, types())
	expect(t, "no set", err, failure{"card set: hknso is missing", exitcode.Usage, ""})
}
