package simulation

import (
	"slices"

	"byok/internal/plan"
)

// OfPlan is the vaults of a plan that was checked, each with the keys that the plan
// carries there.
func OfPlan(p *plan.Plan) []Vault {
	vaults := make([]Vault, len(p.Vaults))
	for i, v := range p.Vaults {
		vaults[i] = Vault{Name: v.Name, Service: v.Service, Subscription: v.Subscription}
		for _, k := range p.Keys {
			if slices.Contains(k.Vaults, v.Name) {
				vaults[i].Keys++
			}
		}
	}
	return vaults
}
