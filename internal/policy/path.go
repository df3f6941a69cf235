package policy

import (
	"fmt"
	"strings"
)

// Steps lists the derivations that a way goes through, each once, in an order
// in which each comes behind what it needs.
func (d *Derivation) Steps() []*Derivation {
	var list []*Derivation
	seen := map[*Derivation]bool{}
	var visit func(*Derivation)
	visit = func(d *Derivation) {
		if seen[d] {
			return
		}
		seen[d] = true
		for _, x := range d.From {
			visit(x)
		}
		list = append(list, d)
	}
	visit(d)
	return list
}

// Moves lists the steps of a way that are the attacker's.
func (d *Derivation) Moves() []*Derivation {
	var list []*Derivation
	for _, x := range d.Steps() {
		if x.Step.Who == Attacks || x.Step.Who == Software || x.Step.Who == User {
			list = append(list, x)
		}
	}
	return list
}

// String is the derivation tree: each step, and below it what it needs. What
// stands above already is not repeated.
func (d *Derivation) String() string {
	var out strings.Builder
	seen := map[*Derivation]bool{}
	var write func(d *Derivation, level int)
	write = func(d *Derivation, level int) {
		again := ""
		if seen[d] && len(d.From) > 0 {
			again = " (as above)"
		}
		fmt.Fprintf(&out, "%s%s: %s%s\n", strings.Repeat("  ", level), d.Step.Who, d.Step.Text, again)
		if again != "" {
			return
		}
		seen[d] = true
		for _, x := range d.From {
			write(x, level+1)
		}
	}
	write(d, 0)
	return out.String()
}
