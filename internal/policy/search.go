package policy

import (
	"container/heap"
	"fmt"

	"byok/internal/policy/token"
)

// Bounds are the limits of a search. Within them it is complete.
var Bounds = struct {
	Depth   int // of a term
	Changes int // of attributes, one after the other, of one object
	Facts   int // a search that finds more is broken off
}{Depth: 4, Changes: 2, Facts: 20_000}

// Search is one saturation: every fact that follows, with the derivation of
// least cost (Knuth 1977: the cheapest is settled first, as in Dijkstra's).
type Search struct {
	design   Design
	module   token.Module
	attacker Attacker

	settled map[Fact]*Derivation
	queue   agenda
	turn    int

	objects []*Derivation // visible ones
	terms   []*Derivation
	vault   []*Derivation // keys in it
	kms     []*Derivation // KM of each card set
	secrets []token.Key   // that the attacker must not learn
	keks    []token.Key
	allowed map[pair]bool // approved

	placed    map[Object]*Derivation // what the ceremony made
	approvals []approval
	made      []*Derivation // by the ceremony, in its order
	stops     []*Derivation // of the ceremony, which the module refuses
}

type pair struct{ key, kek token.Key }

// Run searches until nothing new follows.
func Run(d Design, m token.Module, a Attacker) *Search {
	s := &Search{
		design: d, module: m, attacker: a,
		settled: map[Fact]*Derivation{}, placed: map[Object]*Derivation{}, allowed: map[pair]bool{},
	}
	s.begin()
	s.ceremony()
	for s.queue.Len() > 0 {
		next, _ := heap.Pop(&s.queue).(*Derivation)
		if s.settled[next.Fact] != nil {
			s.again(next)
			continue
		}
		if len(s.settled) == Bounds.Facts {
			panic(fmt.Sprintf("%s on %s: more than %d facts", d.Name, m.Name, Bounds.Facts))
		}
		s.settled[next.Fact] = next
		s.follow(next)
	}
	return s
}

// Facts is how many facts follow.
func (s *Search) Facts() int { return len(s.settled) }

// Stops lists the steps of the ceremony that the module refuses: it goes no
// further there.
func (s *Search) Stops() []*Derivation { return s.stops }

// Visible lists the objects that the attacker can use.
func (s *Search) Visible() []*Derivation { return s.objects }

// Ceremony lists the objects that the ceremony makes, seen or not.
func (s *Search) Ceremony() (list []*Derivation) {
	for _, d := range s.made {
		if _, is := d.Fact.(Object); is {
			list = append(list, d)
		}
	}
	return list
}

// Objects is how many objects the attacker can use.
func (s *Search) Objects() int { return len(s.objects) }

// derive notes a fact that follows by a step.
func (s *Search) derive(f Fact, step Step, from ...*Derivation) *Derivation {
	d := &Derivation{Fact: f, Step: step, From: from, Cost: 1, turn: s.turn}
	s.turn++
	for _, x := range from {
		d.Cost += x.Cost
	}
	if k, is := f.(Knows); is && token.Depth(k.Term) > Bounds.Depth {
		return d
	}
	heap.Push(&s.queue, d)
	return d
}

// again is a fact that was settled before. An object that is now had by fewer
// changes may be changed further.
func (s *Search) again(d *Derivation) {
	old := s.settled[d.Fact]
	if o, is := d.Fact.(Object); is && d.moved < old.moved {
		old.moved = d.moved
		s.alter(old, o)
	}
}

// follow applies every rule to a fact that was just settled.
func (s *Search) follow(d *Derivation) {
	switch f := d.Fact.(type) {
	case Object:
		if !f.Hidden && s.attacker.Token {
			s.objects = append(s.objects, d)
			s.onObject(d, f)
		}
	case Knows:
		s.terms = append(s.terms, d)
		s.onTerm(d, f.Term)
	case InVault:
		s.onVaultKey(d, f)
	}
}

// onObject applies the rules for an object that the attacker can use.
func (s *Search) onObject(d *Derivation, o Object) {
	s.look(d, o)
	s.alter(d, o)
	s.exchanged(d, o)
	for _, other := range s.objects {
		s.together(d, other)
		if other != d {
			s.together(other, d)
		}
	}
	for _, t := range s.terms {
		s.use(d, o, t)
	}
}

// onTerm applies the rules for a value that the attacker has learned.
func (s *Search) onTerm(d *Derivation, t token.Term) {
	s.inSoftware(d, t)
	for _, o := range s.objects {
		s.use(o, o.object(), d)
	}
	for _, v := range s.vault {
		if f, is := v.Fact.(InVault); is {
			s.inVault(v, f, d)
		}
	}
}

func (s *Search) onVaultKey(d *Derivation, v InVault) {
	s.vault = append(s.vault, d)
	for _, t := range s.terms {
		s.inVault(d, v, t)
	}
}

// agenda is a heap by cost, then by the order of finding.
type agenda []*Derivation

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	if a[i].Cost != a[j].Cost {
		return a[i].Cost < a[j].Cost
	}
	return a[i].turn < a[j].turn
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push and Pop implement heap.Interface.
func (a *agenda) Push(x any) {
	d, _ := x.(*Derivation)
	*a = append(*a, d)
}

// Pop takes the last.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
