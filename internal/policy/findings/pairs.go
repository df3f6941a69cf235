package findings

import (
	"slices"

	"byok/internal/policy"
	"byok/internal/policy/token"
)

// Pair is two flips of the trusted keys' templates that give nothing away one
// by one, and something together: each is a second line behind the other.
type Pair struct {
	First, Second Flip
	Reached       policy.Reached
}

// Of is a design with both.
func (p Pair) Of(d policy.Design) policy.Design { return p.Second.Of(p.First.Of(d)) }

// Pairs lists them on a module, for the operator.
func Pairs(m token.Module) (list []Pair) {
	quiet := quietFlips(m)
	for i, f := range quiet {
		for _, g := range quiet[i+1:] {
			p := Pair{First: f, Second: g}
			if reached := policy.Run(p.Of(shipped()), m, policy.TheOperator()).Reached(); len(reached) > 0 {
				p.Reached = reached[0]
				list = append(list, p)
			}
		}
	}
	return list
}

// quietFlips lists the flips of trusted keys, one an attribute, that alone
// neither give anything away nor stop the ceremony.
func quietFlips(m token.Module) []Flip {
	rows := []string{
		policy.RowKM, policy.RowKEK, policy.RowAnchor, policy.RowKWMade, policy.RowKWFrozen, policy.RowTransferKey,
	}
	var list []Flip
	for _, flips := range paired(Flips()) {
		f := flips[0]
		if !slices.Contains(rows, f.Row) {
			continue
		}
		if o := Try(f.Of(shipped()), m); o.Worst == nil && len(o.Stops) == 0 {
			list = append(list, f)
		}
	}
	return list
}
