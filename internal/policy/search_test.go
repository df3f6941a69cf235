package policy

import "testing"

// TestShipped: what ships gives no attacker anything.
func TestShipped(t *testing.T) {
	for _, g := range Guards() {
		for _, m := range Accepted() {
			if !g.Offers(m) {
				continue
			}
			for _, a := range Attackers() {
				s := Run(Shipped(g), m, a)
				for _, r := range s.Reached() {
					t.Errorf("%s, %s, %s, %s: %s: %s\n%v", g.Name, m.Name, m.Form(), a.Name, r.Goal, r.What, r.Way)
				}
				t.Logf("%s, %s, %s, %s: %d facts, %d objects", g.Name, m.Name, m.Form(), a.Name, s.Facts(), s.Objects())
			}
		}
	}
}

// TestFlaws: each seeded flaw is found, by the goal that it gives away.
func TestFlaws(t *testing.T) {
	for _, f := range Flaws() {
		t.Run(f.Name, func(t *testing.T) {
			s := Run(f.Design, f.Module, f.Attacker)
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

// TestFlips tries every flip on every module.
func TestFlips(t *testing.T) {
	for _, f := range Flips() {
		for _, m := range Accepted() {
			o := Try(f.Of(Shipped(Guards()[0])), m)
			if o.Worst != nil {
				t.Logf("%s: %s on %s, %s: %s: %s", f.Row, f.Name(), m.Name, m.Form(), o.Worst.Goal, o.Worst.What)
			}
			if len(o.Stops) > 0 {
				t.Logf("%s: %s on %s, %s stops at %s", f.Row, f.Name(), m.Name, m.Form(), o.Stops[0].Step.Text)
			}
		}
	}
}
