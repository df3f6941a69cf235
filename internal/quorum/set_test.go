package quorum

import (
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/strictjson"
)

func TestNewAndReplace(t *testing.T) {
	first := issue(t, Quorum{2, 3})
	if err := first.Set.Check(); err != nil {
		t.Fatal(err)
	}
	next, err := first.Set.Replace(Quorum{3, 4}, []string{"A", "B", "C", "D"})
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Set.Check(); err != nil {
		t.Fatal(err)
	}
	if next.Set.World != first.Set.World || next.Set.Number != 2 || len(next.Cards) != 4 {
		t.Errorf("the next set is %+v", next.Set)
	}
	if derived(t, next.Secret) == derived(t, first.Secret) {
		t.Error("the old secret opens the new set")
	}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		q       Quorum
		holders []string
		want    failure
	}{
		"no quorum":      {Quorum{}, nil, failure{"quorum 0/0: at least one card must be needed", exitcode.Usage, ""}},
		"too few":        {Quorum{2, 3}, []string{"A", "B"}, failure{"quorum 2/3: 2 card holders named for 3 cards", exitcode.Usage, ""}},
		"two of a name":  {Quorum{1, 2}, []string{"A", "a"}, failure{`card holders 1 and 2 are both "a": nobody may hold two cards`, exitcode.Refused, "name another person for card 2"}},
		"unwritten name": {Quorum{1, 1}, []string{" "}, failure{"card holder 1: a name has 1 to 64 bytes, all printable", exitcode.Usage, ""}},
	} {
		_, err := New(c.q, c.holders)
		expect(t, name, err, c.want)
	}
}

func TestCardSetCheckRefuses(t *testing.T) {
	shape := func(text string) failure { return failure{"card set: " + text, exitcode.Usage, ""} }
	for name, c := range map[string]struct {
		spoil func(*CardSet)
		want  failure
	}{
		"world":        {func(s *CardSet) { s.World = strings.ToUpper(s.World) }, shape("the world identity is not 64 lower-case hex digits")},
		"number":       {func(s *CardSet) { s.Number = 0 }, shape("number 0, but sets are counted from 1")},
		"quorum":       {func(s *CardSet) { s.Quorum.K = 0 }, shape("quorum 0/3: at least one card must be needed")},
		"holders":      {func(s *CardSet) { s.Holders = s.Holders[1:] }, shape("2 holders and 2 commitments for quorum 2/3")},
		"commitments":  {func(s *CardSet) { s.Commitments = s.Commitments[1:] }, shape("3 holders and 1 commitments for quorum 2/3")},
		"holder twice": {func(s *CardSet) { s.Holders = []string{"A", "B", "a"} }, shape("the holders' names are not as they were recorded")},
		"untrimmed":    {func(s *CardSet) { s.Holders = []string{"A", "B", "C "} }, shape("the holders' names are not as they were recorded")},
		"identity":     {func(s *CardSet) { s.World = strings.Repeat("0", 64) }, failure{"card set: the world identity is not the hash of the commitments", exitcode.Check, ""}},
	} {
		set := fixedWorld(t)
		c.spoil(&set)
		expect(t, name, set.Check(), c.want)
		_, err := NewReader(set)
		expect(t, name+", reader", err, c.want)
	}
}

func TestReaderRefusesWhatIsNoCommitment(t *testing.T) {
	set := fixedWorld(t)
	set.Number, set.Commitments[1] = 2, Commitment{}
	_, err := NewReader(set)
	expect(t, "identity element", err, failure{"card set: commitment 1: no commitment of a card set", exitcode.Usage, ""})
}

func TestCardSetJSONRefuses(t *testing.T) {
	good := string(read(t, "testdata/world/set.json"))
	commitment := fixedWorld(t).Commitments[0]
	text, err := commitment.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"quorum":         {`"2/3"`, `"4/3"`, "world: field quorum: quorum 4/3: 4 cards can never be read from a set of 3"},
		"short":          {string(text), "00", "world: field commitments.0: not 64 lower-case hex digits"},
		"capitals":       {string(text), strings.ToUpper(string(text)), "world: field commitments.0: not 64 lower-case hex digits"},
		"no element":     {string(text), strings.Repeat("f", 64), "world: field commitments.0: no commitment of a card set"},
		"the identity":   {string(text), strings.Repeat("0", 64), "world: field commitments.0: no commitment of a card set"},
		"p, which is 0":  {string(text), "ed" + strings.Repeat("f", 60) + "7f", "world: field commitments.0: no commitment of a card set"},
		"unknown field":  {`"number"`, `"nummer"`, "world: unknown field nummer"},
		"number as text": {`"number": 1`, `"number": "1"`, "world: field number: a JSON string where a number is expected"},
	} {
		var set CardSet
		err := strictjson.Unmarshal("world", []byte(strings.Replace(good, c.old, c.new, 1)), 4096, &set)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", name, err, c.want)
		}
	}
}

func FuzzCardSet(f *testing.F) {
	f.Add(read(f, "testdata/world/set.json"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var set, again CardSet
		if strictjson.Unmarshal("set", data, 1<<16, &set) != nil || set.Check() != nil {
			return
		}
		out, err := strictjson.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		if err := strictjson.Unmarshal("set", out, 1<<16, &again); err != nil || !strictjson.Equal(again, out) || !slices.Equal(again.Commitments, set.Commitments) {
			t.Errorf("re-encodes as %s, %v", out, err)
		}
	})
}
