package statement_test

import (
	"slices"

	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/statement"
)

func pair(change func(*statement.Pair)) func(statement.Statement) {
	return of(func(a *statement.Authorization) { change(&a.Pairs[0]) })
}

// The rules of authorizations, in the manner of contentRules.
var authorizationRules = []contentRule{
	{"authorization of a module without id", approval, of(func(s *statement.Authorization) { s.Module = "" }), badModule},
	{"authorization without guard", approval, of(func(s *statement.Authorization) { s.Guard = "" }),
		`field guard: "" is not one of ["trust" "trust-shared" "trust-by-tool" "login" "login-shared"]`},
	{"authorization without KML", approval, of(func(s *statement.Authorization) { s.KML = fingerprint.Sum{} }),
		"field kml_sha256 is missing"},
	{"authorization without list", approval, of(func(s *statement.Authorization) { s.List = fingerprint.Sum{} }),
		"field list_sha256 is missing"},
	{"authorization of nothing", approval, of(func(s *statement.Authorization) { s.Pairs = nil }),
		"field pairs: expected 1 to 50"},
	{"authorization of too much", approval,
		of(func(s *statement.Authorization) { s.Pairs = slices.Repeat(s.Pairs[:1], 51) }),
		"field pairs: expected 1 to 50"},
	{"pair without copy", approval, pair(func(p *statement.Pair) { p.Wrapped = fingerprint.Sum{} }),
		"pair 1: field wrapped_sha256 is missing"},
	{"two pairs of one copy", approval, of(func(s *statement.Authorization) { s.Pairs[1].Wrapped = s.Pairs[0].Wrapped }),
		"pair 2: field wrapped_sha256: two pairs have the same wrapped copy"},
	{"pair without ident", approval, pair(func(p *statement.Pair) { p.Ident = "" }),
		"pair 1: field ident: the key identifier is empty"},
	{"pair without name", approval, pair(func(p *statement.Pair) { p.PlainName = "" }),
		"pair 1: field plainname: it is empty"},
	{"pair of unknown origin", approval, pair(func(p *statement.Pair) { p.Origin = "good" }),
		"pair 1: field origin: expected quorum or unproved"},
	{"pair of no kind", approval, pair(func(p *statement.Pair) { p.KeyType = "DES" }),
		`pair 1: key type "DES": expected RSA, EC or AES`},
	{"pair without a public key", approval, pair(func(p *statement.Pair) { p.PublicKey = "" }),
		"pair 1: field public_key: public key: not a PEM block"},
	{"KEK of 1024 bits", approval, pair(func(p *statement.Pair) { p.KEK.Bits = 1024 }),
		"pair 1: field kek.bits: RSA key of 1024 bits: expected 2048, 3072 or 4096"},
	{"KEK without kid", approval, pair(func(p *statement.Pair) { p.KEK.KID = kek.ID{} }),
		`field pairs.0.kek.kid: key identifier "/keys//": it does not begin with https://`},
	{"KEK of exponent 3", approval, pair(func(p *statement.Pair) { p.KEK.Exponent = 3 }),
		"pair 1: field kek.exponent: expected 65537"},
	{"KEK without fingerprint", approval, pair(func(p *statement.Pair) { p.KEK.Fingerprint = fingerprint.Sum{} }),
		"pair 1: field kek.spki_sha256 is missing"},
	{"KEK without package", approval, pair(func(p *statement.Pair) { p.KEK.Package = fingerprint.Sum{} }),
		"pair 1: field kek: the hash of a package is missing"},
	{"KEK without world package", approval, pair(func(p *statement.Pair) { p.KEK.WorldPackage = fingerprint.Sum{} }),
		"pair 1: field kek: the hash of a package is missing"},
	{"KEK that no one named", approval, pair(func(p *statement.Pair) { p.KEK.Said.Fingerprint = fingerprint.Whole(ones) }),
		`pair 1: field kek.said: "Vera of the vault" named a different fingerprint than that of the KEK in the packages`},
	{"KEK that failed a rule", approval, pair(func(p *statement.Pair) { p.KEK.Attestation[0].OK = false }),
		`pair 1: field kek.attestation: the rule "KEK-OPS" failed`},
	{"KEK of a Managed HSM, unattested", approval, pair(func(p *statement.Pair) {
		p.KEK.KID.Vault, p.KEK.Attested = "https://contoso.managedhsm.azure.net", false
	}), "pair 1: field kek.attested: a Managed HSM's KEK needs an attestation"},
	{"another vault", approval, pair(func(p *statement.Pair) { p.Target.Vault = "https://fabrikam.vault.azure.net" }),
		"pair 1: field target.vault: expected https://contoso.vault.azure.net, where the KEK is"},
	{"a name that the vault refuses", approval, pair(func(p *statement.Pair) { p.Target.Name = "a_b" }),
		`pair 1: field target.name: key name "a_b": 1 to 127 digits, letters and dashes are allowed`},
	{"no operations", approval, pair(func(p *statement.Pair) { p.Target.KeyOps = nil }),
		"pair 1: field target.key_ops is missing"},
	{"operation import", approval, pair(func(p *statement.Pair) { p.Target.KeyOps = []string{"import"} }),
		`pair 1: field target.key_ops: "import" is not allowed, or appears twice`},
	{"an operation twice", approval, pair(func(p *statement.Pair) { p.Target.KeyOps = []string{"sign", "sign"} }),
		`pair 1: field target.key_ops: "sign" is not allowed, or appears twice`},
	{"exportable without policy", approval, pair(func(p *statement.Pair) { p.Target.Exportable = true }),
		"pair 1: field target.exportable: an exportable key needs a release policy"},
	{"policy, not exportable", approval, pair(func(p *statement.Pair) { p.Target.ReleasePolicy = ones }),
		"pair 1: field target.release_policy_sha256: only an exportable key has one"},
}
