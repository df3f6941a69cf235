package worldcheck

import (
	"slices"

	"byok/internal/hsm"
)

// objects finds what belongs to a key among all that a token holds, without looking
// at each object for each key.
type objects struct {
	labelled map[string][]hsm.Item
	public   map[string][]hsm.Item // public keys by CKA_ID
}

func objectsOf(items []hsm.Item) objects {
	o := objects{map[string][]hsm.Item{}, map[string][]hsm.Item{}}
	for _, i := range items {
		o.labelled[i.Label] = append(o.labelled[i.Label], i)
		if i.Class == hsm.PublicKey {
			o.public[string(i.ID)] = append(o.public[string(i.ID)], i)
		}
	}
	return o
}

// near are the objects with a label, and the public keys with the CKA_ID of one of
// them, whatever their labels are.
func (o objects) near(label string) []hsm.Item {
	near := slices.Clone(o.labelled[label])
	for _, i := range o.labelled[label] {
		for _, p := range o.public[string(i.ID)] {
			if p.Label != label {
				near = append(near, p)
			}
		}
	}
	return near
}
