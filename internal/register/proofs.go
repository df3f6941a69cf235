package register

import (
	"fmt"
	"maps"
	"slices"

	"byok/internal/exitcode"
	"byok/internal/ordered"
	"byok/internal/proof"
)

// proofs adds every proof to the approval that it is about.
func (r *Register) proofs(files map[string][]byte) {
	for _, file := range slices.Sorted(maps.Keys(files)) {
		p, err := proof.Parse(file, files[file])
		if err == nil {
			err = r.prove(Proof{file, p})
		}
		if err != nil {
			r.Strays = append(r.Strays, Stray{file, err})
		}
	}
	for _, k := range r.Keys {
		for _, d := range k.Went {
			ordered.Sort(d.Proofs, func(a, b Proof) int { return a.Time.Compare(b.Time) })
			for _, p := range d.Proofs {
				d.version(p.KID)
			}
		}
	}
}

// prove adds a proof to the newest approval that it can be about. That of an AES
// key names no authorization: it belongs to the newest one before it.
func (r *Register) prove(p Proof) error {
	var about *Destination
	var why error = exitcode.Errorf(exitcode.Check, "it is about %v, for which no key of the register was approved", p.KID)
	for _, k := range r.Keys {
		for _, d := range k.Went {
			switch err := p.Check(d.Pair, d.Authorization); {
			case err != nil:
				if d.at(p.KID.Vault, p.KID.Name) {
					why = err
				}
			case about == nil || !d.Approved.After(p.Time):
				about = d
			}
		}
	}
	if about == nil {
		return fmt.Errorf("%s: %w", p.File, why)
	}
	about.Proofs = append(about.Proofs, p)
	return nil
}
