package policy

import (
	"slices"

	"byok/internal/ordered"
	"byok/internal/policy/token"
)

// Goal is what no attacker must reach.
type Goal string

// The goals.
const (
	InTheClear Goal = "a key in the clear"
	Unapproved Goal = "a package that no quorum approved"
	KnownKey   Goal = "a key of known value with origin quorum"
	OwnAnchor  Goal = "an anchor of his own choice"
)

// Goals lists them.
func Goals() []Goal { return []Goal{InTheClear, Unapproved, KnownKey, OwnAnchor} }

// Reached is a goal, and the shortest way to it that was found.
type Reached struct {
	Goal Goal
	What string // such as "KW"
	Way  *Derivation
}

// Reached lists what the attacker reaches, the shortest way of each goal.
func (s *Search) Reached() (list []Reached) {
	for _, g := range Goals() {
		if all := s.ways(g); len(all) > 0 {
			list = append(list, all[0])
		}
	}
	return list
}

// Way returns the shortest way to one instance of a goal.
func (s *Search) Way(g Goal, what string) (Reached, bool) {
	all := s.ways(g)
	i := slices.IndexFunc(all, func(r Reached) bool { return r.What == what })
	if i < 0 {
		return Reached{}, false
	}
	return all[i], true
}

// ways lists every instance of a goal that is reached, the shortest way first.
func (s *Search) ways(g Goal) (list []Reached) {
	for _, d := range s.settled {
		if what, is := s.reaches(g, d); is {
			list = append(list, Reached{g, what, s.whole(g, d)})
		}
	}
	ordered.Sort(list, func(a, b Reached) int {
		if a.Way.Cost != b.Way.Cost {
			return a.Way.Cost - b.Way.Cost
		}
		return a.Way.turn - b.Way.turn
	})
	return list
}

func (s *Search) reaches(g Goal, d *Derivation) (what string, is bool) {
	switch f := d.Fact.(type) {
	case Knows:
		if k, isKey := f.Term.(token.Key); isKey && g == InTheClear {
			return k.Name, slices.Contains(s.secrets, k)
		}
		if b, isBlob := f.Term.(token.Blob); isBlob && g == Unapproved {
			return s.unapproved(b)
		}
	case Origin:
		concerns := f.Of.Own || slices.Contains(s.secrets, f.Of)
		return f.Of.Name, g == KnownKey && concerns && s.settled[Knows{f.Of}] != nil
	case Anchored:
		return f.Object.String(), g == OwnAnchor
	}
	return "", false
}

// unapproved reports whether a vault would take a blob whose key is the
// world's and was not approved for it.
func (s *Search) unapproved(b token.Blob) (what string, is bool) {
	k, isKey := b.Second.Inner.(token.Key)
	if !isKey || !slices.Contains(s.keks, b.First.To) || !slices.Contains(s.secrets, k) || s.allowed[pair{k, b.First.To}] {
		return "", false
	}
	return k.Name + " for " + b.First.To.Name, true
}

// whole is the derivation with all that a goal needs.
func (s *Search) whole(g Goal, d *Derivation) *Derivation {
	f, isOrigin := d.Fact.(Origin)
	if g != KnownKey || !isOrigin {
		return d
	}
	known := s.settled[Knows{f.Of}]
	step := Step{Who: Attacks, Op: State, Text: say("has both")}
	both := []*Derivation{known, d}
	return &Derivation{Fact: d.Fact, Step: step, From: both, Cost: 1 + known.Cost + d.Cost, turn: d.turn}
}
