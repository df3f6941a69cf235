package attest

import (
	"slices"

	"byok/internal/kek"
	"byok/internal/ordered"
)

// The rules of a toolset and of an attestation. Together with the rules of
// every KEK in package kek they are all that a KEK must meet; [Rules] has the
// order. One name is used for a rule in the findings, the errors, the tests
// and docs/verify.md.
const (
	// RuleRehearsal: world and both packages are of a rehearsal, or none of them is.
	RuleRehearsal = "KEK-REHEARSAL"
	// RuleWorldHash: the KEK package names the SHA-256 of this SecurityWorld package file.
	RuleWorldHash = "KEK-WORLD-HASH"
	// RuleWorldSuffix: both packages have the same suffix and generation.
	RuleWorldSuffix = "KEK-WORLD-SUFFIX"
	// RuleWorldPartition: a Managed HSM's SecurityWorld file has the owner's root and the attestation's certificates only.
	RuleWorldPartition = "KEK-WORLD-PARTITION"
	// RuleOwn: the KEK is not one of this security world's own module keys.
	RuleOwn = "KEK-OWN"
	// RulePresent: the KEK has an attestation; only a vault's may do without, once it was compared.
	RulePresent = "KEK-ATTEST-PRESENT"
	// RuleFormat: the attestation is of version MRVL-1, has four different certificates, and can be read to its end.
	RuleFormat = "KEK-ATTEST-FORMAT"
	// RuleChain: a pinned root of the vendor has signed the HSM's certificate, and the HSM's key the partition's.
	RuleChain = "KEK-ATTEST-CHAIN"
	// RuleOwner: the owner's root has signed itself and the partition's other certificate.
	RuleOwner = "KEK-ATTEST-OWNER"
	// RulePartition: both certificates of the partition hold the same RSA-2048 key.
	RulePartition = "KEK-ATTEST-PARTITION"
	// RuleDates: every certificate, the root's included, is valid at the time of the check.
	RuleDates = "KEK-ATTEST-DATES"
	// RuleSignature: the partition's key has signed the claims; the whole PKCS#1 block is compared.
	RuleSignature = "KEK-ATTEST-SIGNATURE"
	// RuleClass: exactly one private key is attested, an RSA key.
	RuleClass = "KEK-ATTEST-CLASS"
	// RuleKey: modulus and public exponent of the attested key are the KEK's.
	RuleKey = "KEK-ATTEST-KEY"
	// RuleID: the id of the attested key is the path of the KEK's key identifier.
	RuleID = "KEK-ATTEST-ID"
	// RuleSensitive: the private key is sensitive and has always been.
	RuleSensitive = "KEK-ATTEST-SENSITIVE"
	// RuleExtractable: the private key is not extractable and has never been.
	RuleExtractable = "KEK-ATTEST-EXTRACTABLE"
	// RuleLocal: the private key was generated on the HSM.
	RuleLocal = "KEK-ATTEST-LOCAL"
	// RuleUsage: the private key unwraps, and does not decrypt, sign, sign-recover or derive.
	RuleUsage = "KEK-ATTEST-USAGE"
	// RulePublic: the public key, if attested, is signed by the same partition and is the same key.
	RulePublic = "KEK-ATTEST-PUBLIC"
	// RuleSaid: fingerprint, identifier and import-only are what the vault's owner said over another channel.
	RuleSaid = "KEK-SAID"
)

// Rules lists every rule, those of package kek included, in the order of the
// findings. A check has a finding for each rule that applies to it.
func Rules() []string {
	rules := []string{RuleRehearsal, RuleWorldHash, RuleWorldSuffix, RuleWorldPartition}
	for _, rule := range kek.Rules() {
		rules = append(rules, rule.Name)
	}
	rules = append(rules, RuleOwn, RulePresent, RuleFormat)
	for _, rule := range attested() {
		rules = append(rules, rule.name)
	}
	return append(rules, RuleSaid)
}

// sorted puts findings into the order of the rules.
func sorted(findings []kek.Finding) []kek.Finding {
	order := Rules()
	ordered.Sort(findings, func(a, b kek.Finding) int {
		return slices.Index(order, a.Rule) - slices.Index(order, b.Rule)
	})
	return findings
}

func names(findings []kek.Finding) []string {
	rules := make([]string, len(findings))
	for i, f := range findings {
		rules[i] = f.Rule
	}
	return rules
}
