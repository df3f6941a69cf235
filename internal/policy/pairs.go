package policy

import "slices"

// Pair is two flips of the trusted keys' templates that give nothing away one
// by one, and something together: each is a second line behind the other.
type Pair struct {
	First, Second Flip
	Reached       Reached
}

// Of is a design with both.
func (p Pair) Of(d Design) Design { return p.Second.Of(p.First.Of(d)) }

// Pairs lists them on a module, for the operator.
func Pairs(m Module) (list []Pair) {
	quiet := quietFlips(m)
	for i, f := range quiet {
		for _, g := range quiet[i+1:] {
			p := Pair{First: f, Second: g}
			if reached := Run(p.Of(Shipped(Guards()[0])), m, TheOperator()).Reached(); len(reached) > 0 {
				p.Reached = reached[0]
				list = append(list, p)
			}
		}
	}
	return list
}

// quietFlips lists the flips of trusted keys, one an attribute, that alone
// neither give anything away nor stop the ceremony.
func quietFlips(m Module) []Flip {
	rows := []string{RowKM, RowKEK, RowAnchor, RowKWMade, RowKWFrozen, RowTransferKey}
	var list []Flip
	for _, flips := range paired(Flips()) {
		f := flips[0]
		if !slices.Contains(rows, f.Row) {
			continue
		}
		if o := Try(f.Of(Shipped(Guards()[0])), m); o.Worst == nil && len(o.Stops) == 0 {
			list = append(list, f)
		}
	}
	return list
}
