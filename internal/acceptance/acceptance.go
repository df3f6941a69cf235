// Package acceptance is how a world takes a KEK: which rules it holds the KEK
// to, and what must come from the vault's owner over another channel.
//
// Call [Preflight] before anybody is asked, then attest.Check under [Policy]
// with what the owner said. The rules themselves are in package kek.
package acceptance

import (
	"slices"
	"time"

	"byok/internal/attest"
	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/toolset"
)

// Policy is what a world holds a KEK to.
func Policy(chain *kmdata.Chain, said *kek.Said, at time.Time) (kek.Policy, error) {
	p := kek.Policy{Rehearsal: chain.Rehearsal(), Said: said, Now: at}
	for _, set := range chain.Sets() {
		km, err := set.KM.ModuleKey()
		if err != nil {
			return p, err
		}
		sum, err := keykind.SPKIHash(km)
		if err != nil {
			return p, err
		}
		p.Own = append(p.Own, sum)
	}
	return p, nil
}

// Preflight applies every rule that rests on the packages alone, so that no
// person is asked about a KEK that is refused anyway. With an error it returns
// the rules that do not hold, except what waits for the vault's owner.
func Preflight(chain *kmdata.Chain, pair toolset.Pair) ([]kek.Finding, error) {
	p, err := Policy(chain, nil, time.Now())
	if err != nil {
		return nil, err
	}
	result, err := attest.Check(pair, p)
	if exitcode.Of(err) == exitcode.Refused && len(result.Findings) > 1 {
		return nil, nil // only what the vault's owner says is missing
	}
	failed := slices.DeleteFunc(kek.Failed(result.Findings), func(f kek.Finding) bool { return f.Rule == attest.RuleSaid })
	return failed, err
}
