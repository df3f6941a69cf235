package policy

import (
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/policy/token"
)

// TestShipped: what ships gives no attacker anything.
func TestShipped(t *testing.T) {
	for _, g := range Guards() {
		for _, m := range token.Accepted() {
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
	Run(Shipped(Guards()[0]), token.SoftHSM(), TheOperator())
}

// TestDeeper: neither deeper terms nor more changes of attributes find
// anything in what ships.
func TestDeeper(t *testing.T) {
	before := Bounds
	defer func() { Bounds = before }()
	Bounds.Depth, Bounds.Changes = before.Depth+2, before.Changes+1
	for _, m := range token.Accepted() {
		s := Run(Shipped(Guards()[0]), m, OldHoldersAndOperator())
		for _, r := range s.Reached() {
			t.Errorf("%s, %s: %s: %s", m.Name, m.Form(), r.Goal, r.What)
		}
		t.Logf("%s, %s: %d facts", m.Name, m.Form(), s.Facts())
	}
}

// TestTable: a change of the table that the program is built with is a change
// of the model, in the row and nowhere else.
func TestTable(t *testing.T) {
	shipped := Shipped(Guards()[0])
	changed := shipped
	changed.Table = shipped.Table.With(RowKWMade, token.Has(pkcs11.CKA_TOKEN, true))
	for d, want := range map[*Design]bool{&shipped: false, &changed: true} {
		if _, found := Run(*d, token.SoftHSM(), TheOperator()).Way(InTheClear, "KW"); found != want {
			t.Errorf("KW found: %t, want %t", found, want)
		}
	}
	for i, r := range shipped.Table {
		if same := slices.Equal(r.Template, changed.Table[i].Template); same == (r.Name == RowKWMade) {
			t.Errorf("%s: unchanged: %t", r.Name, same)
		}
	}
}
