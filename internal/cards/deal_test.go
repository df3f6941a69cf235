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

func TestDeal(t *testing.T) {
	made, media := issue(t, 2, 3), Folders(dirs(t, 3))
	p := &person{
		tries:   Tries,
		answers: []answer{{text: "same"}, {text: "my own", own: true}, {text: "no"}, {text: "same"}},
	}
	got, err := Deal(made, "Contoso", media, testWork, p)
	if err != nil {
		t.Fatal(err)
	}
	want := []Holding{
		{Index: 1, Holder: "Alice", Tries: 1},
		{Index: 2, Holder: "Bob", Own: true, Tries: 1},
		{Index: 3, Holder: "Carol", Tries: 2},
	}
	if !slices.Equal(got, want) {
		t.Errorf("dealt %+v", got)
	}
	p.expectHeard(t, "deal",
		"new 0, try 1: new passphrase of card 1 (Alice) in "+media[0].String(),
		isWritten("card 1 (Alice)", media[0]),
		"say: card 1 (Alice) written and read back, 1 of 3",
		"new 1, try 1: new passphrase of card 2 (Bob) in "+media[1].String(),
		"warn: card 2 (Bob): the holder's own passphrase instead of the drawn one; the record says so",
		weak("card 2 (Bob)"),
		isWritten("card 2 (Bob)", media[1]),
		"say: card 2 (Bob) written and read back, 2 of 3",
		"new 2, try 1: new passphrase of card 3 (Carol) in "+media[2].String(),
		"warn: card 3 (Carol): that is not the passphrase that was shown; type it again",
		"new 2, try 2: new passphrase of card 3 (Carol) in "+media[2].String(),
		isWritten("card 3 (Carol)", media[2]),
		"say: card 3 (Carol) written and read back, 3 of 3",
	)
	if made.Cards[0].Share.Len() == 0 {
		t.Error("the issue was wiped; it is the caller's")
	}
	q, err := Read(media, setOf(made.Set), types(p.drawn[0], "my own"), 2)
	if err != nil {
		t.Fatal(err)
	}
	q.Wipe()
}

// setOf always finds the same set.
func setOf(set quorum.CardSet) func(quorum.Card) (quorum.CardSet, error) {
	return func(quorum.Card) (quorum.CardSet, error) { return set, nil }
}

// TestDealTakesBack spoils the dealing at its second card.
func TestDealTakesBack(t *testing.T) {
	made := issue(t, 2, 3)
	for _, c := range spoiltDealings(t, made) {
		media := Folders(dirs(t, 3))
		plain := media[1]
		if c.spoil != nil {
			media[1] = c.spoil(plain)
		}
		p := &person{tries: 1, answers: []answer{{text: "same"}, c.second}}
		_, err := Deal(made, "Contoso", media, testWork, p)
		expect(t, c.name, err, c.want(plain))
		for i, m := range []Medium{media[0], plain, media[2]} {
			if left := names(t, m); len(left) != 0 {
				t.Errorf("%s: on medium %d is left %q", c.name, i+1, left)
			}
		}
	}
}

// spoiltDealing is what goes wrong with the second card.
type spoiltDealing struct {
	name   string
	spoil  func(m Medium) Medium
	second answer
	want   func(m Medium) failure
}

func spoiltDealings(t *testing.T, made *quorum.Issue) []spoiltDealing {
	t.Helper()
	full := errors.New("no space left on device")
	other := written(t, made)[2]
	return []spoiltDealing{
		{"the holder gives up", nil, answer{err: errGaveUp},
			func(Medium) failure { return failure{errGaveUp.Error(), exitcode.Failed, ""} }},
		{"empty passphrase", nil, answer{own: true}, func(Medium) failure {
			return failure{"card 2 (Bob): an empty passphrase seals nothing", exitcode.Usage, ""}
		}},
		{"cannot be written", func(m Medium) Medium {
			return faulty{Medium: m, write: func(Header, []byte) error { return full }}
		}, answer{text: "same"}, func(Medium) failure { return failure{full.Error(), exitcode.Failed, ""} }},
		{"cannot be read", func(m Medium) Medium {
			return faulty{Medium: m, read: func() (Header, []byte, error) { return Header{}, nil, full }}
		}, answer{text: "same"}, func(Medium) failure { return failure{full.Error(), exitcode.Failed, ""} }},
		{"another header comes back", func(m Medium) Medium {
			return faulty{Medium: m, read: other.Read}
		}, answer{text: "same"}, func(m Medium) failure {
			return failure{m.String() + ": the header read back is not the one written for card 2 (Bob)",
				exitcode.Refused, "use another medium: this one does not keep what is written"}
		}},
		{"damaged", func(m Medium) Medium {
			return faulty{Medium: m, read: func() (Header, []byte, error) {
				h, sealed, err := m.Read()
				sealed[len(sealed)-1] ^= 1
				return h, sealed, err
			}}
		}, answer{text: "same"}, func(m Medium) failure {
			return failure{m.String() + ": damaged, or not an administrator card", exitcode.Refused, hintOther}
		}},
		{"another card comes back", func(m Medium) Medium {
			return faulty{Medium: m, read: func() (Header, []byte, error) {
				h, _, err := m.Read()
				return h, seal0(t, made.Cards[0], "own"), err
			}}
		}, answer{text: "own", own: true}, func(m Medium) failure {
			return failure{m.String() + ": card 1 (Alice) has already been read", exitcode.Refused,
				"use a card that has not been read"}
		}},
	}
}

func TestDealSaysWhatIsLeft(t *testing.T) {
	made, media := issue(t, 1, 2), Folders(dirs(t, 2))
	pulled := errors.New("input/output error")
	media[0] = faulty{Medium: media[0], remove: func() error { return pulled }}
	_, err := Deal(made, "Contoso", media, testWork, &person{tries: 1, answers: []answer{{text: "same"}}})
	expect(t, "removal fails", err, failure{fmt.Sprintf("%v; the card in %s could not be removed: %v",
		errGaveUp, media[0], pulled), exitcode.Failed, ""})
	if !errors.Is(err, errGaveUp) || !errors.Is(err, pulled) {
		t.Error("an error was lost")
	}
}

// TestDealRefusesBeforeItAsks holds that what can be refused is refused before a
// passphrase is asked for.
func TestDealRefusesBeforeItAsks(t *testing.T) {
	made := issue(t, 2, 3)
	used := written(t, made)[2]
	blank := Folders(dirs(t, 4))
	broken := *made
	broken.Set.Number = 0
	for _, c := range []struct {
		name  string
		issue *quorum.Issue
		media []Medium
		want  failure
	}{
		{"too few media", made, blank[:2], failure{"quorum 2/3 needs 3 card folders, 2 were given", exitcode.Usage,
			"give one folder for each card, in the order of the holders"}},
		{"too many", made, blank, failure{"quorum 2/3 needs 3 card folders, 4 were given", exitcode.Usage,
			"give one folder for each card, in the order of the holders"}},
		{"the last is not blank", made, []Medium{blank[0], blank[1], used}, failure{
			"card 3: " + filepath.Join(used.String(), CardFile) + ": this card is not blank, and cards are never overwritten",
			exitcode.Refused, "insert a blank medium, or remove that file if no world needs it"}},
		{"no card set", &broken, blank[:3], failure{
			"card set: number 0, but sets are counted from 1", exitcode.Usage, ""}},
	} {
		p := types()
		_, err := Deal(c.issue, "Contoso", c.media, testWork, p)
		expect(t, c.name, err, c.want)
		p.expectHeard(t, c.name)
	}
}

func TestWorkFactor(t *testing.T) {
	for _, c := range []struct {
		name      string
		asked     int
		rehearsal bool
		want      int
	}{{"production", 0, false, WorkFactor}, {"rehearsal", 0, true, RehearsalWorkFactor}, {"asked", 3, false, 3}} {
		if got := workFactor(c.asked, quorum.Card{Rehearsal: c.rehearsal}); got != c.want {
			t.Errorf("%s: %d", c.name, got)
		}
	}
	if WorkFactor != 18 || MaxWorkFactor < WorkFactor {
		t.Error("production cards cost what those of the age tool do")
	}
}

func TestReread(t *testing.T) {
	made := issue(t, 2, 3)
	media := written(t, made)
	p := types("pass 1", "oops", "pass 2", "pass 3")
	s, err := Reread(made.Set, media, p)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Wipe()
	key, err := s.Key(made.Set.Context(), quorum.PurposeSealKM)
	must(t, err)
	want, err := made.Secret.Key(made.Set.Context(), quorum.PurposeSealKM)
	must(t, err)
	if !key.Equal(want) {
		t.Error("another secret was rebuilt")
	}
	left := func(i int) string {
		return fmt.Sprintf("an interrupted run left card %d (%s) in %s; its passphrase", i+1, people[i], media[i])
	}
	p.expectHeard(t, "reread", "ask 0, try 1: "+left(0), isRead(media[0]), "ask 1, try 1: "+left(1), isRead(media[1]),
		"warn: "+media[1].String()+": wrong passphrase; try again", "ask 1, try 2: "+left(1), isRead(media[1]),
		"ask 2, try 1: "+left(2), isRead(media[2]))
}

func TestRereadRefuses(t *testing.T) {
	made, other := issue(t, 2, 3), issue(t, 2, 3)
	otherKNSO := *other
	otherKNSO.Set.HKNSO[0] ^= 1
	for i := range otherKNSO.Cards {
		otherKNSO.Cards[i].HKNSO[0] ^= 1
	}
	stranger := written(t, &otherKNSO)[0]
	media := written(t, made)
	altered := written(t, made)[2]
	renew(t, altered, seal0(t, withShareOf(made.Cards[2], made.Cards[0]), "pass 3"))
	set := func(spoil func(*quorum.CardSet)) quorum.CardSet {
		s := made.Set
		spoil(&s)
		return s
	}
	for _, c := range []struct {
		name  string
		set   quorum.CardSet
		media []Medium
		typed []string
		want  failure
	}{
		{"one is missing", made.Set, []Medium{media[0], Folder(t.TempDir()), media[2]}, nil, failure{
			"2 of the 3 cards of the interrupted run are in the folders given, and the token may depend on all of them",
			exitcode.Refused, "give the folders of all 3 cards"}},
		{"another world's", made.Set, []Medium{media[0], media[1], stranger}, nil, failure{
			stranger.String() + ": this card does not belong to the interrupted run", exitcode.Refused,
			"give the media of the interrupted run, or blank ones"}},
		{"medium gone", made.Set, []Medium{media[0], media[1], Folder("/nowhere")}, nil,
			failure{"/nowhere: no such folder", exitcode.Refused, hintMount}},
		{"wrong passphrase", made.Set, media, []string{"pass 1", "a", "b", "c"}, failure{
			media[1].String() + ": wrong passphrase", exitcode.Refused,
			"give the passphrase that was chosen for this card in the interrupted run"}},
		{"interrupted again", made.Set, media, nil, failure{errGaveUp.Error(), exitcode.Failed, ""}},
		{"altered", made.Set, []Medium{media[0], media[1], altered}, []string{"pass 1", "pass 2", "pass 3"}, failure{
			altered.String() + ": the share of card 3 (Carol) does not fit the world's commitments: the card was altered",
			exitcode.Refused,
			"keep the card as evidence and use another card of the set, then byok-offline world replace-cards"}},
		{"no card set", set(func(s *quorum.CardSet) { s.Holders = nil }), media, nil, failure{
			"card set: 0 holders and 2 commitments for quorum 2/3", exitcode.Usage, ""}},
	} {
		_, err := Reread(c.set, c.media, types(c.typed...))
		expect(t, c.name, err, c.want)
	}
}

// renew puts another sealed card on a medium.
func renew(t *testing.T, m Medium, sealed []byte) {
	t.Helper()
	must(t, m.Replace(sealed, func([]byte) error { return nil }))
}

func withShareOf(c, other quorum.Card) quorum.Card {
	c.Share = pass(string(other.Share.Reveal()))
	return c
}

func TestRemoveAll(t *testing.T) {
	made := issue(t, 2, 3)
	media := written(t, made)
	media[1] = Folder(t.TempDir())
	put(t, filepath.Join(media[0].String(), "letter.txt"), "keep me")
	if err := RemoveAll(made.Set, media); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{{"letter.txt"}, nil, nil} {
		if got := names(t, media[i]); !slices.Equal(got, want) {
			t.Errorf("on medium %d is %q", i+1, got)
		}
	}
	if err := RemoveAll(made.Set, media); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestRemoveAllRefuses(t *testing.T) {
	made := issue(t, 2, 3)
	next, err := made.Set.Replace(made.Set.Quorum, made.Set.Holders, fixedSet(t).HKNSO)
	must(t, err)
	defer next.Wipe()
	bare := written(t, made)[2]
	must(t, os.Remove(filepath.Join(bare.String(), HeaderFile)))
	pulled := errors.New("input/output error")
	for _, c := range []struct {
		name string
		last Medium
		want failure
	}{
		{"a card of the next set", written(t, next)[2], failure{": this card does not belong to the interrupted run",
			exitcode.Refused, "give the media of the interrupted run, or blank ones"}},
		{"a card without a header", bare, failure{": this card does not belong to the interrupted run", exitcode.Refused,
			"give the media of the interrupted run, or blank ones"}},
		{"cannot be looked at", faulty{Medium: Folder("usb"), read: func() (Header, []byte, error) {
			return Header{}, nil, pulled
		}}, failure{"input/output error", exitcode.Failed, ""}},
	} {
		media := written(t, made)
		media[2] = c.last
		if c.want.text[0] == ':' {
			c.want.text = c.last.String() + c.want.text
		}
		expect(t, c.name, RemoveAll(made.Set, media), c.want)
		if got := names(t, media[0]); len(got) != 2 {
			t.Errorf("%s: the first card was removed: %q", c.name, got)
		}
	}
	media := written(t, made)
	media[1] = faulty{Medium: media[1], remove: func() error { return pulled }}
	expect(t, "cannot be removed", RemoveAll(made.Set, media), failure{"input/output error", exitcode.Failed, ""})
}

// TestRepeated: two holders with one passphrase are told so, and the record is not.
func TestRepeated(t *testing.T) {
	made := issue(t, 2, 3)
	p := types("correct horse battery", "something else altogether", "correct horse battery")
	for i := range p.answers {
		p.answers[i].own = true
	}
	_, err := Deal(made, "Contoso", Folders(dirs(t, 3)), testWork, p)
	must(t, err)
	const want = "say: card 3 (Carol): this is the passphrase of card 1 as well: who learns one opens both cards"
	if !slices.Contains(p.heard, want) {
		t.Errorf("%q, want %q", p.heard, want)
	}
}
