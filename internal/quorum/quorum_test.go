package quorum

import (
	"testing"

	"byok/internal/exitcode"
)

func TestParseQuorum(t *testing.T) {
	for _, text := range []string{"1/1", "1/3", "2/3", "3/3", "64/64"} {
		q, err := ParseQuorum(text)
		if err != nil || q.String() != text {
			t.Errorf("%s: %v, %v", text, q, err)
		}
	}
}

func TestParseQuorumRefuses(t *testing.T) {
	const hint = "write how many cards of how many are needed, such as --acs-quorum 2/3"
	for _, c := range []struct{ text, want string }{
		{"0/3", "quorum 0/3: at least one card must be needed"},
		{"-1/3", "quorum -1/3: at least one card must be needed"},
		{"0/0", "quorum 0/0: at least one card must be needed"},
		{"4/3", "quorum 4/3: 4 cards can never be read from a set of 3"},
		{"2/65", "quorum 2/65: a card set has at most 64 cards"},
		{"2/x", `quorum "2/x" is not of the form K/N`},
		{"2", `quorum "2" is not of the form K/N`},
		{"", `quorum "" is not of the form K/N`},
		{"2/3/4", `quorum "2/3/4" is not of the form K/N`},
		{" 2/3", `quorum " 2/3" is not of the form K/N`},
		{"2/3\n", `quorum "2/3\n" is not of the form K/N`},
		{"+2/3", `quorum "+2/3" is not of the form K/N`},
		{"02/3", `quorum "02/3" is not of the form K/N`},
		{"2/99999999999999999999", `quorum "2/99999999999999999999" is not of the form K/N`},
	} {
		_, err := ParseQuorum(c.text)
		expect(t, c.text, err, failure{c.want, exitcode.Usage, hint})
	}
}

func TestQuorumWarning(t *testing.T) {
	for _, c := range []struct {
		q    Quorum
		want string
	}{
		{Quorum{1, 1}, "quorum 1/1: whoever has the one card has the world, and without it the world is lost"},
		{Quorum{1, 3}, "quorum 1/3: any one card holder alone has the world"},
		{Quorum{3, 3}, "quorum 3/3: every card is needed, so losing one loses the world"},
		{Quorum{2, 4}, "quorum 2/4: two groups of 2 card holders can act without each other's knowledge"},
		{Quorum{2, 3}, ""},
		{Quorum{3, 5}, ""},
	} {
		if got := c.q.Warning(); got != c.want {
			t.Errorf("%s: %q", c.q, got)
		}
	}
}

func FuzzParseQuorum(f *testing.F) {
	for _, seed := range []string{"2/3", "0/3", "64/64", "2/x", "+1/2", "1/ 2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if q, err := ParseQuorum(text); err == nil && q.String() != text {
			t.Errorf("%q reads as %s", text, q)
		}
	})
}
