package findings

import (
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/policy"
	"byok/internal/policy/token"
)

// shipped is the design that the flaws, flips and pairs differ from: trust on the
// token, which is the first guard.
func shipped() policy.Design { return policy.Shipped(policy.Guards()[0]) }

// Flip is one attribute of one row of the table that has another value, or is
// left out.
type Flip struct {
	Row       string
	Attribute p11.Attribute // as it is in the table
	LeftOut   bool
}

// Flips lists every flip of the table, in its order.
func Flips() (list []Flip) {
	for _, r := range shipped().Table {
		for _, a := range r.Template {
			list = append(list, Flip{r.Name, a, false}, Flip{r.Name, a, true})
		}
		if r.Mechanism == policy.OnlyUse {
			only := p11.Attribute{Type: pkcs11.CKA_ALLOWED_MECHANISMS, Why: "the one mechanism that it is used with"}
			list = append(list, Flip{r.Name, only, true})
		}
	}
	return list
}

// Name is the flip as the page shows it, such as "DECRYPT=true".
func (f Flip) Name() string {
	switch {
	case f.LeftOut:
		return f.Attribute.Name() + " left out"
	case f.Attribute.Value:
		return f.Attribute.Name() + "=false"
	}
	return f.Attribute.Name() + "=true"
}

// Of is a design with the flip.
func (f Flip) Of(d policy.Design) policy.Design {
	d.Name = f.Row + ": " + f.Name()
	switch {
	case f.Attribute.Type == pkcs11.CKA_ALLOWED_MECHANISMS:
		d.Table = d.Table.WithAnyMechanism(f.Row)
	case f.LeftOut:
		d.Table = d.Table.Without(f.Row, f.Attribute.Type)
	default:
		changed := f.Attribute
		changed.Value = !changed.Value
		d.Table = d.Table.With(f.Row, changed)
	}
	return d
}

// Outcome is what becomes of a design on a module.
type Outcome struct {
	// Attacker and Worst are the worst that is reached, and by whom; Worst is
	// nil where nothing is.
	Attacker policy.Attacker
	Worst    *policy.Reached
	Stops    []*policy.Derivation // the steps that the module refuses the ceremony
}

// Try searches for the operator, and for the operator with K holders of
// replaced cards: every other attacker has less than one of them.
func Try(d policy.Design, m token.Module) Outcome {
	var o Outcome
	for _, a := range []policy.Attacker{policy.TheOperator(), policy.OldHoldersAndOperator()} {
		s := policy.Run(d, m, a)
		if o.Stops == nil {
			o.Stops = s.Stops()
		}
		reached := s.Reached()
		if len(reached) > 0 && (o.Worst == nil || worse(reached[0].Goal, o.Worst.Goal)) {
			o.Attacker, o.Worst = a, &reached[0]
		}
	}
	return o
}

// worse reports whether a goal stands above another in the list of goals.
func worse(a, b policy.Goal) bool {
	return slices.Index(policy.Goals(), a) < slices.Index(policy.Goals(), b)
}
