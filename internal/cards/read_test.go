package cards

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/quorum"
)

func TestRead(t *testing.T) {
	made := issue(t, 2, 3)
	media := written(t, made)
	must(t, os.Remove(filepath.Join(media[1].String(), HeaderFile)))
	var asked []quorum.Card
	find := func(c quorum.Card) (quorum.CardSet, error) {
		asked = append(asked, c)
		return made.Set, nil
	}
	p := types("pass 3", "Pass 2", "pass 2", "pass 1")
	q, err := Read([]Medium{media[2], media[1], media[0]}, find, p, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := []Holding{{Index: 3, Holder: "Carol", Tries: 1}, {Index: 2, Holder: "Bob", Tries: 2}}
	if !slices.Equal(q.Cards, want) {
		t.Errorf("read %+v", q.Cards)
	}
	if q.Cards[1].String() != "card 2 (Bob)" {
		t.Errorf("the second is %s", q.Cards[1])
	}
	if q.Set.HKNSO != testKNSO {
		t.Errorf("of hknso %v", q.Set.HKNSO)
	}
	if len(asked) != 1 || asked[0].Index != 3 || asked[0].Share != nil {
		t.Errorf("the set was asked for with %+v", asked)
	}
	p.expectHeard(t, "read",
		fmt.Sprintf("ask 0, try 1: passphrase of Carol's card in %s (1 of 2)", media[2]),
		isRead(media[2]),
		"say: card 3 (Carol) read, 1 of 2",
		fmt.Sprintf("ask 1, try 1: passphrase of the card in %s (2 of 2)", media[1]),
		isRead(media[1]),
		"warn: "+media[1].String()+": wrong passphrase; try again",
		fmt.Sprintf("ask 1, try 2: passphrase of the card in %s (2 of 2)", media[1]),
		isRead(media[1]),
		"say: card 2 (Bob) read, 2 of 2",
	)
	expectSecret(t, q, made)
	q.Wipe()
	q.Wipe()
	(*Quorum)(nil).Wipe()
	if _, err := q.Secret.Key(made.Set.Context(), quorum.PurposeSealKM); err == nil {
		t.Error("the secret is there after Wipe")
	}
}

func expectSecret(t *testing.T, q *Quorum, made *quorum.Issue) {
	t.Helper()
	key, err := q.Secret.Key(q.Set.Context(), quorum.PurposeSealKNSO)
	must(t, err)
	want, err := made.Secret.Key(made.Set.Context(), quorum.PurposeSealKNSO)
	must(t, err)
	if !key.Equal(want) {
		t.Error("another secret was rebuilt")
	}
}

// TestReadRefusesBeforeItAsks holds that all media are looked at before the first
// passphrase is asked for.
func TestReadRefusesBeforeItAsks(t *testing.T) {
	made := issue(t, 2, 3)
	media := written(t, made)
	blank := Folder(t.TempDir())
	more := func(n int) string {
		return fmt.Sprintf("add --card and the folder of each further card; still needed: %d", n)
	}
	for _, c := range []struct {
		name  string
		media []Medium
		k     int
		want  failure
	}{
		{"one of two", media[:1], 2, failure{
			"administrator cards needed: 2; given: 1", exitcode.Refused, more(1)}},
		{"none", nil, 0, failure{"administrator cards needed: 1; given: 0", exitcode.Refused, more(1)}},
		{"the second is blank", []Medium{media[0], blank}, 2, failure{
			blank.String() + ": blank card, no byok-card.age in it", exitcode.Refused,
			"insert the medium with the card, or name the folder the card is in"}},
		{"a third is not there", []Medium{media[0], media[1], Folder("/nowhere")}, 2, failure{
			"/nowhere: no such folder", exitcode.Refused, hintMount}},
	} {
		p := types("pass 1", "pass 2")
		_, err := Read(c.media, setOf(made.Set), p, c.k)
		expect(t, c.name, err, c.want)
		p.expectHeard(t, c.name)
	}
}

func TestReadRefuses(t *testing.T) {
	made := issue(t, 2, 3)
	media := written(t, made)
	other, err := quorum.New(quorum.Quorum{K: 2, N: 3}, people[:3], fixedSet(t).HKNSO, true)
	must(t, err)
	defer other.Wipe()
	foreign := written(t, other)[1]
	bare := written(t, made)[0]
	must(t, os.Remove(filepath.Join(bare.String(), HeaderFile)))
	elsewhere := exitcode.Errorf(exitcode.Refused, "kmdata is of another world").Hint("name that world's folder")
	noSet := made.Set
	noSet.Number = 0
	larger := issue(t, 3, 3).Set
	larger.Commitments[0] = made.Set.Commitments[0]
	for _, c := range []struct {
		name  string
		media []Medium
		set   func(quorum.Card) (quorum.CardSet, error)
		typed []string
		want  failure
	}{
		{"wrong passphrase", media, setOf(made.Set), []string{"pass 1", "a", "b", "c", "pass 3"},
			failure{media[1].String() + ": wrong passphrase", exitcode.Refused, hintAgain}},
		{"interrupted", media, setOf(made.Set), []string{"pass 1"}, failure{errGaveUp.Error(), exitcode.Failed, ""}},
		{"kmdata of another world", media, func(quorum.Card) (quorum.CardSet, error) {
			return quorum.CardSet{}, elsewhere
		}, []string{"pass 1"}, failure{"kmdata is of another world", exitcode.Refused, "name that world's folder"}},
		{"no card set", media, setOf(noSet), []string{"pass 1"},
			failure{"card set: number 0, but sets are counted from 1", exitcode.Usage, ""}},
		{"twice the same", []Medium{media[0], media[0]}, setOf(made.Set), nil,
			failure{fmt.Sprintf("%s and %s hold the same card: card 1 (Alice)", media[0], media[0]), exitcode.Refused,
				"give the folder of another card of the set"}},
		{"twice the same, and no header says so", []Medium{media[0], bare}, setOf(made.Set), []string{"pass 1", "pass 1"},
			failure{bare.String() + ": card 1 (Alice) has already been read", exitcode.Refused,
				"use a card that has not been read"}},
		{"of another world", []Medium{media[0], foreign}, setOf(made.Set), []string{"pass 1", "pass 2"},
			failure{fmt.Sprintf("%s: card 2 (Bob) belongs to the world of hknso %.8s, not of %.8s",
				foreign, other.Set.HKNSO, testKNSO), exitcode.Refused,
				"use a card of this world, or the kmdata folder of that one"}},
	} {
		q, err := Read(c.media, c.set, types(c.typed...), 2)
		expect(t, c.name, err, c.want)
		if q != nil {
			t.Errorf("%s: a quorum was read", c.name)
		}
	}
}

// TestReadHoldsToTheSetsQuorum gives fewer cards than the signed set needs,
// though kmdata made the caller believe that they are enough.
func TestReadHoldsToTheSetsQuorum(t *testing.T) {
	made := issue(t, 3, 3)
	media := written(t, made)
	p := types("pass 1", "pass 2")
	_, err := Read(media[:2], setOf(made.Set), p, 2)
	expect(t, "two of three", err, failure{"only 2 of the 3 administrator cards needed have been read",
		exitcode.Refused, "add --card and the folder of each further card; still needed: 1"})
	if got := p.heard[len(p.heard)-1]; got != "say: card 2 (Bob) read, 2 of 3" {
		t.Errorf("last was %q", got)
	}
}

func TestOneTryFromAFile(t *testing.T) {
	made := issue(t, 1, 1)
	p := types("wrong", "pass 1")
	p.tries = 1
	_, err := Read(written(t, made), setOf(made.Set), p, 1)
	if !errors.Is(err, ErrPassphrase) || len(p.answers) != 1 {
		t.Errorf("%v, %d answers are left", err, len(p.answers))
	}
}
