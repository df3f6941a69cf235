package findings

import (
	"testing"

	"byok/internal/policy"
	"byok/internal/policy/token"
)

// TestEveryProvedModule: whatever a module answers, if it passes what the
// program proves of it, no attacker reaches anything, under any guard.
func TestEveryProvedModule(t *testing.T) {
	proved := Proved()
	if len(proved) < 100 {
		t.Errorf("%d modules: too few for a test", len(proved))
	}
	for _, m := range proved {
		for _, g := range policy.Guards() {
			if !g.Offers(m) || g.Name == "trust-shared" {
				continue
			}
			o := Try(policy.Shipped(g), m)
			if o.Worst != nil {
				t.Errorf("%s, %+v: %s: %s\n%v", g.Name, m, o.Worst.Goal, o.Worst.What, o.Worst.Way)
			}
			if len(o.Stops) > 0 {
				t.Errorf("%s, %+v stops at %s", g.Name, m, o.Stops[0].Step.Text)
			}
		}
	}
	for _, m := range token.Accepted() {
		if !Proves(m) {
			t.Errorf("%s, %s, does not pass", m.Name, m.Form())
		}
	}
}

// TestEveryProofIsNeeded: a module that fails one proof alone gives something
// away.
func TestEveryProofIsNeeded(t *testing.T) {
	for _, p := range Proofs() {
		if Without(p, policy.Guards()[0]).Worst == nil {
			t.Errorf("%s: no module that fails this alone gives anything away", p.Name)
		}
	}
}
