package quorum

import (
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/strictjson"
)

func TestNewAndReplace(t *testing.T) {
	first, err := New(Quorum{2, 3}, []string{"A", " B  b", "C"}, testKNSO, true)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Wipe()
	if s := first.Set; s.HKNSO != testKNSO || !s.Rehearsal || s.Number != 1 || s.Holders[1] != "B b" || s.Check() != nil {
		t.Errorf("the first set is %+v", s)
	}
	other := fingerprint.Of([]byte("another KNSO"))
	next, err := first.Set.Replace(Quorum{3, 4}, []string{"A", "B", "C", "D"}, other)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Wipe()
	if s := next.Set; s.HKNSO != other || !s.Rehearsal || s.Number != 2 || s.Check() != nil || len(next.Cards) != 4 {
		t.Errorf("the next set is %+v", s)
	}
	if next.Secret.scalar.Equal(first.Secret.scalar) {
		t.Error("the two sets have one secret")
	}
	for i, c := range next.Cards {
		if c.HKNSO != other || !c.Rehearsal || c.Set != 2 || c.Quorum != next.Set.Quorum ||
			c.Index != i+1 || c.Holder != next.Set.Holders[i] {
			t.Errorf("card %d is %+v", i+1, c)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		q       Quorum
		holders []string
		hknso   fingerprint.Sum
		want    failure
	}{
		{"no quorum", Quorum{}, nil, testKNSO,
			failure{"quorum 0/0: at least one card must be needed", exitcode.Usage, ""}},
		{"too few", Quorum{2, 3}, []string{"A", "B"}, testKNSO,
			failure{"quorum 2/3: 2 card holders named for 3 cards", exitcode.Usage, ""}},
		{"two of a name", Quorum{1, 2}, []string{"A", "a"}, testKNSO,
			failure{`card holders 1 and 2 are both "a": one person may not hold two cards`, exitcode.Refused,
				"name another person for card 2"}},
		{"blank name", Quorum{1, 1}, []string{" "}, testKNSO,
			failure{"the name of card holder 1: it is empty", exitcode.Usage, ""}},
		{"no KNSO", Quorum{1, 1}, []string{"A"}, fingerprint.Sum{},
			failure{"card set: hknso is missing", exitcode.Usage, ""}},
	} {
		made, err := New(c.q, c.holders, c.hknso, false)
		expect(t, c.name, err, c.want)
		if made != nil {
			t.Errorf("%s: an issue was made", c.name)
		}
	}
}

func TestReplaceRefusesTheOldKNSO(t *testing.T) {
	set := fixedWorld(t)
	_, err := set.Replace(set.Quorum, set.Holders, set.HKNSO)
	expect(t, "old KNSO", err, failure{"card set 2: expected a new KNSO, not that of set 1", exitcode.Usage, ""})
}

func TestCardSetCheckRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*CardSet)
		want  string
	}{
		{"no hknso", func(s *CardSet) { s.HKNSO = fingerprint.Sum{} }, "hknso is missing"},
		{"number", func(s *CardSet) { s.Number = 0 }, "number 0, but sets are counted from 1"},
		{"quorum", func(s *CardSet) { s.Quorum.K = 0 }, "quorum 0/3: at least one card must be needed"},
		{"holders", func(s *CardSet) { s.Holders = s.Holders[1:] }, "2 holders and 2 commitments for quorum 2/3"},
		{"commitments", func(s *CardSet) { s.Commitments = s.Commitments[1:] },
			"3 holders and 1 commitment for quorum 2/3"},
		{"holder twice", func(s *CardSet) { s.Holders = []string{"A", "B", "a"} },
			"the holders' names are not as they were recorded"},
		{"untrimmed", func(s *CardSet) { s.Holders = []string{"A", "B", "C "} },
			"the holders' names are not as they were recorded"},
	} {
		set := fixedWorld(t)
		c.spoil(&set)
		want := failure{"card set: " + c.want, exitcode.Usage, ""}
		expect(t, c.name, set.Check(), want)
		_, err := NewReader(set)
		expect(t, c.name+", reader", err, want)
	}
}

func TestReaderRefusesWhatIsNoCommitment(t *testing.T) {
	set := fixedWorld(t)
	set.Commitments[1] = Commitment{}
	_, err := NewReader(set)
	expect(t, "identity element", err,
		failure{"card set: commitment 1: no commitment of a card set", exitcode.Usage, ""})
}

func TestCardSetJSONRefuses(t *testing.T) {
	good := string(read(t, "testdata/world/set.json"))
	text, err := fixedWorld(t).Commitments[0].MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	digits := string(text)
	for _, c := range []struct{ name, old, new, want string }{
		{"quorum", `"2/3"`, `"4/3"`, "world: field quorum: quorum 4/3: 4 cards can never be read from a set of 3"},
		{"hknso", `"hknso": "1`, `"hknso": "`, "world: field hknso: a SHA-256 sum is 64 lower-case hex digits"},
		{"short", digits, "00", "world: field commitments.0: not 64 lower-case hex digits"},
		{"long", digits, digits + "00", "world: field commitments.0: not 64 lower-case hex digits"},
		{"capitals", digits, strings.ToUpper(digits), "world: field commitments.0: not 64 lower-case hex digits"},
		{"no element", digits, strings.Repeat("f", 64), "world: field commitments.0: no commitment of a card set"},
		{"the identity", digits, strings.Repeat("0", 64), "world: field commitments.0: no commitment of a card set"},
		{"p, which is 0", digits, "ed" + strings.Repeat("f", 60) + "7f",
			"world: field commitments.0: no commitment of a card set"},
		{"unknown field", `"number"`, `"nummer"`, "world: unknown field nummer"},
		{"number as text", `"number": 1`, `"number": "1"`,
			"world: field number: expected a number, not a JSON string"},
	} {
		var set CardSet
		err := strictjson.Unmarshal("world", []byte(strings.Replace(good, c.old, c.new, 1)), 4096, &set)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
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
		err = strictjson.Exact("set", out, 1<<16, &again)
		if err != nil || again.HKNSO != set.HKNSO || !slices.Equal(again.Commitments, set.Commitments) {
			t.Errorf("re-encodes as %s, %v", out, err)
		}
	})
}
