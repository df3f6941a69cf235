package attest

// The rules that a KEK must meet, in the order of their findings. One name is
// used for a rule in the findings, the errors, the tests and docs/verify.md.
const (
	// RuleRehearsal: world and both packages are of a rehearsal, or none of them is.
	RuleRehearsal = "KEK-REHEARSAL"
	// RuleWorldHash: the KEK package names the SHA-256 of this SecurityWorld package file.
	RuleWorldHash = "KEK-WORLD-HASH"
	// RuleWorldSuffix: both packages have the same suffix and generation.
	RuleWorldSuffix = "KEK-WORLD-SUFFIX"
	// RuleWorldVault: the KEK is in the vault that the SecurityWorld package names.
	RuleWorldVault = "KEK-WORLD-VAULT"
	// RuleWorldPartition: the SecurityWorld package of a Managed HSM names the owner's root and no certificate but the attestation's.
	RuleWorldPartition = "KEK-WORLD-PARTITION"
	// RuleType: the KEK is an RSA key of 2048, 3072 or 4096 bits.
	RuleType = "KEK-TYPE"
	// RuleOps: the vault lists import as the KEK's one operation.
	RuleOps = "KEK-OPS"
	// RuleExpiry: the KEK has not expired.
	RuleExpiry = "KEK-EXPIRY"
	// RulePresent: the KEK has an attestation; without one it is proved by nothing in the packages.
	RulePresent = "KEK-ATTEST-PRESENT"
	// RuleFormat: the attestation is of version MRVL-1, has four certificates, and can be read to its end.
	RuleFormat = "KEK-ATTEST-FORMAT"
	// RuleChain: a pinned root of the vendor has signed the HSM's certificate, and the HSM's key the partition's.
	RuleChain = "KEK-ATTEST-CHAIN"
	// RuleOwner: the owner's root has signed itself and the partition's other certificate.
	RuleOwner = "KEK-ATTEST-OWNER"
	// RulePartition: both certificates of the partition hold the same RSA-2048 key.
	RulePartition = "KEK-ATTEST-PARTITION"
	// RuleDates: every certificate, the root's included, is valid at the time of the check.
	RuleDates = "KEK-ATTEST-DATES"
	// RuleSignature: the partition's key has signed the statement; the whole PKCS#1 block is compared.
	RuleSignature = "KEK-ATTEST-SIGNATURE"
	// RuleClass: the statement is on exactly one private key, an RSA key.
	RuleClass = "KEK-ATTEST-CLASS"
	// RuleKey: modulus and public exponent in the statement are the KEK's.
	RuleKey = "KEK-ATTEST-KEY"
	// RuleID: the id in the statement is the path of the KEK's key identifier.
	RuleID = "KEK-ATTEST-ID"
	// RuleSensitive: the private key is sensitive and has always been.
	RuleSensitive = "KEK-ATTEST-SENSITIVE"
	// RuleExtractable: the private key is not extractable and has never been.
	RuleExtractable = "KEK-ATTEST-EXTRACTABLE"
	// RuleLocal: the private key was generated on the HSM.
	RuleLocal = "KEK-ATTEST-LOCAL"
	// RuleUsage: the private key unwraps, and does not decrypt, sign or derive.
	RuleUsage = "KEK-ATTEST-USAGE"
	// RulePublic: what is stated on the public key is signed by the same partition and on the same key.
	RulePublic = "KEK-ATTEST-PUBLIC"
	// RuleAccepted: the fingerprint of a KEK without attestation was accepted by people who compared it over a second channel.
	RuleAccepted = "KEK-ACCEPTED"
)

// Rules lists every rule in the order of the findings. A check has a finding
// for each rule that applies to it.
func Rules() []string {
	return []string{
		RuleRehearsal, RuleWorldHash, RuleWorldSuffix, RuleWorldVault, RuleWorldPartition, RuleType, RuleOps, RuleExpiry,
		RulePresent, RuleFormat, RuleChain, RuleOwner, RulePartition, RuleDates, RuleSignature, RuleClass, RuleKey, RuleID,
		RuleSensitive, RuleExtractable, RuleLocal, RuleUsage, RulePublic, RuleAccepted,
	}
}

// Finding is how one rule turned out.
type Finding struct {
	Rule   string `json:"rule"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // a fact that was found if OK, otherwise the reason; one line
}

// step is a rule and how to apply it: the fact to show, or why it fails.
type step struct {
	rule  string
	apply func() (detail string, err error)
}

// follow applies the steps in order, all of them: a person who has to find out
// what is wrong needs more than the first reason.
func follow(steps []step) []Finding {
	var findings []Finding
	for _, s := range steps {
		detail, err := s.apply()
		if err != nil {
			detail = err.Error()
		}
		findings = append(findings, Finding{Rule: s.rule, OK: err == nil, Detail: detail})
	}
	return findings
}

func failed(findings []Finding) []string {
	var rules []string
	for _, f := range findings {
		if !f.OK {
			rules = append(rules, f.Rule)
		}
	}
	return rules
}
