// Package simulation is how long it takes to bring keys into vaults within the
// limits that the service documents, and how keys are best spread over vaults.
//
// [Spread] keys over a [Fleet], or describe the vaults of a plan, and ask how long
// they [Takes]. It reckons with the pace of package pace, which the real uploader
// keeps: the network and the vault's own work are not in it. It connects nowhere.
package simulation

import (
	"fmt"
	"time"

	"byok/internal/exitcode"
	"byok/internal/vault/pace"
)

// The most that is simulated.
const (
	MaxVaults = 10_000
	MaxKeys   = 1_000_000
)

// Fleet is keys to be spread over vaults of one service in one region. The vaults
// are divided evenly among the subscriptions.
type Fleet struct {
	Service       string // as [pace.Documented] takes it
	Vaults        int
	Subscriptions int
	Keys          int
}

// Check refuses what cannot be, with status Usage and the options of byok-online
// plan simulate.
func (f Fleet) Check() error {
	switch {
	case f.Vaults < 1 || f.Vaults > MaxVaults:
		return exitcode.Errorf(exitcode.Usage, "--vaults %d: expected 1 to %d", f.Vaults, MaxVaults)
	case f.Keys < 1 || f.Keys > MaxKeys:
		return exitcode.Errorf(exitcode.Usage, "--keys %d: expected 1 to %d", f.Keys, MaxKeys)
	case f.Subscriptions < 1 || f.Subscriptions > f.Vaults:
		return exitcode.Errorf(exitcode.Usage, "--subscriptions %d: expected 1 to %d, the number of vaults",
			f.Subscriptions, f.Vaults)
	}
	return nil
}

// Vault is a vault and how many keys go there.
type Vault struct {
	Name         string // in a fleet vault-1 and so on
	Service      string
	Subscription string // in a fleet subscription-1 and so on
	Keys         int
}

// Spread spreads the keys of a fleet that was checked so that all are in their
// vaults as early as can be, and as evenly as that allows.
func Spread(f Fleet) []Vault {
	vaults := make([]Vault, f.Vaults)
	for i := range vaults {
		vaults[i] = Vault{
			Name:         fmt.Sprintf("vault-%d", i+1),
			Service:      f.Service,
			Subscription: fmt.Sprintf("subscription-%d", i%f.Subscriptions+1),
		}
	}
	fill(vaults, f.Keys, shortest(vaults, f.Keys, pace.Documented(f.Service)), pace.Documented(f.Service))
	return vaults
}

// shortest is the least time in which the vaults take so many keys, to the
// millisecond.
func shortest(vaults []Vault, keys int, limit pace.Limit) time.Duration {
	const step = time.Millisecond
	low, high := time.Duration(0), pace.Takes(keys, limit.Vault)/step+1
	for low < high {
		middle := (low + high) / 2
		if room(vaults, middle*step, limit) >= keys {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low * step
}

// room is how many keys the vaults take in a time.
func room(vaults []Vault, in time.Duration, limit pace.Limit) (n int) {
	of := map[string]int{}
	for _, v := range vaults {
		of[v.Subscription] += pace.Within(in, limit.Vault)
	}
	for _, most := range of {
		if limit.Subscription > 0 {
			most = min(most, pace.Within(in, limit.Subscription))
		}
		n += most
	}
	return n
}

// fill gives the vaults keys in turn, as many as each and its subscription take in
// a time in which there is room for all.
func fill(vaults []Vault, keys int, in time.Duration, limit pace.Limit) {
	of := map[string]int{}
	for keys > 0 {
		for i := range vaults {
			v := &vaults[i]
			full := v.Keys >= pace.Within(in, limit.Vault) ||
				limit.Subscription > 0 && of[v.Subscription] >= pace.Within(in, limit.Subscription)
			if keys > 0 && !full {
				v.Keys++
				of[v.Subscription]++
				keys--
			}
		}
	}
}

// Takes is how long it takes until all vaults have their keys, all of them at the
// same time, and which limit that is: "vault" or "subscription"; "" where the first
// keys are the last.
func Takes(vaults []Vault) (d time.Duration, limit string) {
	for _, v := range vaults {
		if one := pace.Takes(v.Keys, pace.Documented(v.Service).Vault); one > d {
			d, limit = one, "vault"
		}
	}
	for _, g := range Subscriptions(vaults) {
		if g.Takes > d {
			d, limit = g.Takes, "subscription"
		}
	}
	return d, limit
}

// Group is the vaults of one subscription that share its limit.
type Group struct {
	Subscription string
	Vaults       int
	Fewest, Most int           // keys in one of its vaults
	Keys         int           // in all
	Takes        time.Duration // by the limit of the subscription, or of its fullest vault
}

// Subscriptions sums up the vaults by subscription and service, in the order of
// their first vaults.
func Subscriptions(vaults []Vault) []Group {
	at := map[[2]string]int{}
	var list []Group
	for _, v := range vaults {
		key := [2]string{v.Subscription, v.Service}
		n, known := at[key]
		if !known {
			n = len(list)
			at[key], list = n, append(list, Group{Subscription: v.Subscription, Fewest: v.Keys})
		}
		list[n].add(v)
	}
	return list
}

func (g *Group) add(v Vault) {
	g.Vaults++
	g.Keys += v.Keys
	g.Fewest, g.Most = min(g.Fewest, v.Keys), max(g.Most, v.Keys)
	limit := pace.Documented(v.Service)
	g.Takes = max(pace.Takes(g.Most, limit.Vault), pace.Takes(g.Keys, limit.Subscription))
}
