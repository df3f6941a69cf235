package policy_test

import (
	"testing"

	"byok/internal/policy"
	"byok/internal/policy/findings"
)

// TestFlaws: each seeded flaw is found, by the goal that it gives away.
func TestFlaws(t *testing.T) {
	for _, f := range findings.Flaws() {
		t.Run(f.Name, func(t *testing.T) {
			s := policy.Run(f.Design, f.Module, f.Attacker)
			if r, found := s.Way(f.Goal, f.What); found {
				t.Logf("%s: %s, %d steps\n%v", r.Goal, r.What, len(r.Way.Steps()), r.Way)
				return
			}
			for _, r := range s.Reached() {
				t.Logf("%s: %s\n%v", r.Goal, r.What, r.Way)
			}
			t.Errorf("not found: %s: %s", f.Goal, f.What)
		})
	}
}

// TestMoreIsMore: who has more reaches no less. In the table of flips only the
// two attackers who have the most are tried.
func TestMoreIsMore(t *testing.T) {
	for _, f := range findings.Flaws() {
		for _, a := range policy.Attackers() {
			if s := policy.Run(f.Design, f.Module, a); len(s.Reached()) > 0 && findings.Try(f.Design, f.Module).Worst == nil {
				t.Errorf("%s: %s reaches something, and those who have the most do not", f.Name, a.Name)
			}
		}
	}
}

// TestWay is the whole text of one derivation.
func TestWay(t *testing.T) {
	f := findings.Flaws()[4]
	r, found := policy.Run(f.Design, f.Module, f.Attacker).Way(f.Goal, f.What)
	if !found {
		t.Fatalf("%s: not found", f.Name)
	}
	const want = `attacker: C_Decrypt of {EC key} under KW by KW
  quorum, as SO: C_CopyObject of KW
    quorum, as SO: C_GenerateKey of KW
  quorum: C_WrapKey of EC key under KW, AES key wrap
    quorum, as SO: C_CopyObject of KW (as above)
    quorum: C_GenerateKey of EC key
`
	if got := r.Way.String(); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
	if steps, moves := len(r.Way.Steps()), len(r.Way.Moves()); steps != 5 || moves != 1 {
		t.Errorf("%d steps, %d of them the attacker's", steps, moves)
	}
}
