package probe

import (
	"maps"
	"slices"

	"byok/internal/hsm/derivation"
	"byok/internal/hsm/wrapping"

	"github.com/miekg/pkcs11"
)

// Unknown lists the mechanisms that the token lists for a function and that
// the tables do not know, so that the probes cannot try them: function is
// CKF_DERIVE or CKF_WRAP.
func (p *Prober) Unknown(function uint) ([]uint, error) {
	listed, err := p.listed()
	if err != nil {
		return nil, err
	}
	var unknown []uint
	for _, m := range slices.Sorted(maps.Keys(listed)) {
		if inTable(m, function) || function == pkcs11.CKF_WRAP && m == uint(p.facts.keyWrap) {
			continue
		}
		offered, err := p.offers(m, function)
		if err != nil {
			return nil, err
		}
		if offered {
			unknown = append(unknown, m)
		}
	}
	return unknown, nil
}

func inTable(mechanism, function uint) bool {
	if function == pkcs11.CKF_WRAP {
		return slices.ContainsFunc(wrapping.Table, func(w wrapping.Mechanism) bool { return w.Number() == mechanism })
	}
	return slices.ContainsFunc(derivation.Table, func(d derivation.Mechanism) bool { return d.Number == mechanism }) ||
		slices.ContainsFunc(derivation.OneWays, func(w derivation.OneWay) bool { return w.Number == mechanism })
}
