package kmdata_test

import (
	"strings"

	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/statement"
)

func pair(change func(*statement.Pair)) func(statement.Statement) {
	return of(func(a *statement.Authorization) { change(&a.Pairs[0]) })
}

// The rules between an authorization and the statements before it, in the
// manner of contentRules.
var authorizationRules = []contentRule{
	{"authorization of a stranger", approval, of(func(s *statement.Authorization) { s.Module = strings.Repeat("0", 32) }),
		`field module: no statement of this world names the module "00000000000000000000000000000000"`},
	{"authorization of another guard", approval, of(func(s *statement.Authorization) { s.Guard = statement.GuardTrustByTool }),
		"field guard: statement 2 says trust of the module"},
	{"authorization of another KML", approval, of(func(s *statement.Authorization) { s.KML = ones }),
		"field kml_sha256 is not that of the KML in statement 2"},
	{"module behind the card replacement", newApproval, of(func(s *statement.Authorization) {
		s.Module, s.KML = shared.b, shared.KML[shared.b].Sum()
	}), "field module: the card replacement has not reached the module B"},
	{"pair without copy", approval, pair(func(p *statement.Pair) { p.Wrapped = fingerprint.Sum{} }),
		"pair 1: field wrapped_sha256 is missing"},
	{"pair of worse origin", approval, pair(func(p *statement.Pair) { p.Origin = statement.OriginUnproved }),
		"pair 1: field origin: the statements say quorum, restored false"},
	{"pair that was not restored", approval, pair(func(p *statement.Pair) { p.Restored = true }),
		"pair 1: field origin: the statements say quorum, restored false"},
	{"pair of a key of another ident", approval, pair(func(p *statement.Pair) { p.Ident = "other" }),
		"pair 1: field origin: the statements say unproved, restored false"},
	{"KM as KEK", approval, pair(func(p *statement.Pair) {
		sum, _ := keykind.SPKIHash(&shared.Sets[0].KM.PublicKey)
		p.KEK.Fingerprint, p.KEK.Said.Fingerprint = sum, fingerprint.Whole(sum)
	}), "pair 1: field kek: it is KM of card set 1"},
	{"an earlier KM as KEK", newApproval, pair(func(p *statement.Pair) {
		sum, _ := keykind.SPKIHash(&shared.Sets[0].KM.PublicKey)
		p.KEK.Fingerprint, p.KEK.Said.Fingerprint = sum, fingerprint.Whole(sum)
	}), "pair 1: field kek: it is KM of card set 1"},
}
