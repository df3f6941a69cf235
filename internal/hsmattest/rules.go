package hsmattest

// The rules of a YubiHSM 2's attestation. One name is used for a rule in the
// findings, the errors, the tests and docs/verify.md.
const (
	// RuleFormat: three certificates and nothing else: of the key, of the device, and of the vendor's CA that issued it.
	RuleFormat = "HSM-KEY-FORMAT"
	// RuleChain: a pinned root of the vendor has signed the CA's certificate, the CA the device's, the device the key's.
	RuleChain = "HSM-KEY-CHAIN"
	// RuleDates: every certificate, the root's included, is valid at the time of the check.
	RuleDates = "HSM-KEY-DATES"
	// RuleSerial: both the device's and the key's certificate have the serial number of the module.
	RuleSerial = "HSM-KEY-SERIAL"
	// RuleSame: the attested public key is the key's.
	RuleSame = "HSM-KEY-SAME"
	// RuleOrigin: the key was generated in the device, and neither it nor an export of it was imported.
	RuleOrigin = "HSM-KEY-ORIGIN"
	// RuleUses: the key signs, decrypts, agrees on keys, and may be wrapped; nothing else.
	RuleUses = "HSM-KEY-USES"
)

// Rules lists the rules in the order of the findings.
func Rules() []string {
	return []string{RuleFormat, RuleChain, RuleDates, RuleSerial, RuleSame, RuleOrigin, RuleUses}
}
