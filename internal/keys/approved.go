package keys

import (
	"slices"

	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/kmdata"
	"byok/internal/packing"
	"byok/internal/statement"
)

// Packages are the two packages of the transfer's KEK.
func (t Transfer) Packages() packing.KEK {
	return packing.KEK{Package: t.KEK.KEKPackageHash(), World: t.KEK.SecurityWorldPackageHash()}
}

// Approved finds the newest statement by which the quorum, with the cards that are
// in force, approved a key for a KEK and a target, and whose wrapped copy is
// there: a session that was cut short may have signed it and written nothing.
func Approved(
	chain *kmdata.Chain,
	k *kmdata.Key,
	kid kek.ID,
	t statement.Target,
) (e kmdata.Entry, found bool, err error) {
	copies, err := chain.Copies(k.Ident)
	if err != nil {
		return e, false, err
	}
	for _, c := range slices.Backward(copies) {
		entry, pair, err := packing.ApprovalOf(chain, c)
		if err != nil {
			return e, false, err
		}
		inForce := entry.Number() > chain.Set().Since() && pair.Identity.Same(k.Identity)
		if inForce && pair.KEK.KID == kid && pair.Target.Same(t) {
			return entry, true, nil
		}
	}
	return e, false, nil
}

func (s Quorum) authorization(pairs []*pair, list fingerprint.Sum) (*statement.Authorization, error) {
	kml, err := s.Module.KMLHash()
	if err != nil {
		return nil, err
	}
	a := &statement.Authorization{Module: s.Module.Module, KML: kml, Guard: s.Module.Guard, List: list}
	for _, p := range pairs {
		a.Pairs = append(a.Pairs, statement.Pair{Approval: p.approval, Wrapped: fingerprint.Of(p.wrapped)})
	}
	return a, nil
}
