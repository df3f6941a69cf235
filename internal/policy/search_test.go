package policy

import (
	"slices"
	"testing"

	"github.com/miekg/pkcs11"
)

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

// TestBounds: a search that is not bounded ends all the same.
func TestBounds(t *testing.T) {
	before := Bounds
	defer func() { Bounds = before }()
	Bounds.Facts = 10
	defer func() {
		const want = "as shipped on SoftHSM 2.6.1: more than 10 facts"
		if got := recover(); got != want {
			t.Errorf("%v, want %s", got, want)
		}
	}()
	Run(Shipped(Guards()[0]), SoftHSM(), TheOperator())
}

// TestDeeper: neither deeper terms nor more changes of attributes find
// anything in what ships.
func TestDeeper(t *testing.T) {
	before := Bounds
	defer func() { Bounds = before }()
	Bounds.Depth, Bounds.Changes = before.Depth+2, before.Changes+1
	for _, m := range Accepted() {
		s := Run(Shipped(Guards()[0]), m, OldHoldersAndOperator())
		for _, r := range s.Reached() {
			t.Errorf("%s, %s: %s: %s", m.Name, m.Form(), r.Goal, r.What)
		}
		t.Logf("%s, %s: %d facts", m.Name, m.Form(), s.Facts())
	}
}

// TestMoreIsMore: who has more reaches no less. In the table of flips only the
// two attackers who have the most are tried.
func TestMoreIsMore(t *testing.T) {
	for _, f := range Flaws() {
		for _, a := range Attackers() {
			if s := Run(f.Design, f.Module, a); len(s.Reached()) > 0 && Try(f.Design, f.Module).Worst == nil {
				t.Errorf("%s: %s reaches something, and those who have the most do not", f.Name, a.Name)
			}
		}
	}
}

// TestWay is the whole text of one derivation.
func TestWay(t *testing.T) {
	f := Flaws()[4]
	r, found := Run(f.Design, f.Module, f.Attacker).Way(f.Goal, f.What)
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

// TestTable: a change of the table that the program is built with is a change
// of the model, in the row and nowhere else.
func TestTable(t *testing.T) {
	shipped := Shipped(Guards()[0])
	changed := shipped
	changed.Table = shipped.Table.With(RowKWMade, has(pkcs11.CKA_TOKEN, true))
	for d, want := range map[*Design]bool{&shipped: false, &changed: true} {
		if _, found := Run(*d, SoftHSM(), TheOperator()).Way(InTheClear, "KW"); found != want {
			t.Errorf("KW found: %t, want %t", found, want)
		}
	}
	for i, r := range shipped.Table {
		if same := slices.Equal(r.Template, changed.Table[i].Template); same == (r.Name == RowKWMade) {
			t.Errorf("%s: unchanged: %t", r.Name, same)
		}
	}
}
