// Package attest decides whether a vault's key exchange key may be used: by
// the attestation of a Managed HSM's key, or by a fingerprint that people
// have compared.
//
// Use Check on the two packages of a toolset; the KEK in its Verdict is the
// only kind that the rest of the program takes. CheckFile judges the JSON that
// az keyvault key get-attestation writes, for any RSA key, and never gives a
// KEK. NewStatement and Sign make attestations for rehearsals. Nothing here
// reads a file or a clock.
//
// An attestation (toolset.Attestation) is four certificates and a signed
// statement. A pinned root of the vendor certifies the HSM, the HSM its
// partition, the partition's owner the same partition again; the partition's
// key signs what the HSM knows of the key. The formats are Marvell's (its
// scripts parse_v1.py, parse_v2.py and verify_attest.py) and Microsoft's
// (azure-managed-hsm-key-attestation), checked against a genuine attestation;
// no genuine one of Firmware3 was at hand.
//
// What it proves is that the KEK was generated in a genuine HSM and cannot
// leave it. It does not prove whose HSM that is: the owner's root is
// self-signed, so its name is a claim. Compare the fingerprint with the vault's
// over a second channel where that matters.
package attest

import (
	"crypto/rsa"
	"slices"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/toolset"
	"byok/internal/transfer"
)

// Policy is what the verifying side brings.
type Policy struct {
	Rehearsal bool              // the world that verifies is a rehearsal
	Accepted  []fingerprint.Sum // of unattested KEKs, compared by people over a second channel
	Now       time.Time         // the time to hold dates against
}

// KEK is a key exchange key that passed Check, which alone can make one that
// is not empty.
type KEK struct {
	kid       transfer.KeyID
	key       rsa.PublicKey
	sum       fingerprint.Sum
	attested  bool
	rehearsal bool
}

// KID is the KEK's identifier, with its version.
func (k *KEK) KID() transfer.KeyID { return k.kid }

// Vault is the URL of the vault that the KEK is in.
func (k *KEK) Vault() string { return k.kid.Vault }

// PublicKey is the key to wrap for.
func (k *KEK) PublicKey() *rsa.PublicKey { key := k.key; return &key }

// Fingerprint is the SHA-256 of the KEK's SubjectPublicKeyInfo in DER.
func (k *KEK) Fingerprint() fingerprint.Sum { return k.sum }

// Attested tells whether an attestation has proved the KEK. Otherwise people
// have accepted its fingerprint.
func (k *KEK) Attested() bool { return k.attested }

// Rehearsal tells whether the KEK is of a rehearsal.
func (k *KEK) Rehearsal() bool { return k.rehearsal }

// Verdict is what a check found.
type Verdict struct {
	Findings    []Finding       `json:"findings"`    // in the order of Rules
	KEK         *KEK            `json:"-"`           // nil unless the check had no error
	Fingerprint fingerprint.Sum `json:"fingerprint"` // of the key judged, as KEK.Fingerprint; zero if it could not be read
	Facts       []Fact          `json:"facts"`       // of CheckFile: what is stated of the key
}

// Check judges the KEK of two packages. swBytes is the file that sw was parsed
// from. The error is nil exactly when the verdict has a KEK, and otherwise
//
//   - Refused if rehearsal and production would mix: then no other rule was
//     applied;
//   - Check if a rule does not hold;
//   - Refused, with a hint, if all rules hold but the vault attests nothing
//     and the fingerprint is not among p.Accepted.
//
// The finding RulePresent of an unattested KEK is never OK, not even when its
// fingerprint was accepted: it is not proved. An accepted fingerprint outweighs
// a missing attestation, never a bad one, and none of a Managed HSM's keys.
func Check(kek toolset.KEKPackage, sw toolset.SecurityWorldPackage, swBytes []byte, p Policy) (Verdict, error) {
	label := toolset.KEKName(kek.Suffix, kek.Generation)
	if err := checkRehearsal(label, kek, sw, p); err != nil {
		return Verdict{Findings: []Finding{{RuleRehearsal, false, err.Error()}}}, err
	}
	j := newJudgement(kek, sw, p)
	findings := follow(j.packageSteps(swBytes))
	if kek.Attestation != nil {
		findings = append(findings, follow(j.attestationSteps(*kek.Attestation))...)
	} else {
		findings = append(findings, follow(j.unattestedSteps())...)
	}
	return j.verdict(label, sorted(findings))
}

// sorted puts findings into the order of the rules.
func sorted(findings []Finding) []Finding {
	order := Rules()
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return slices.Index(order, a.Rule) - slices.Index(order, b.Rule)
	})
	return findings
}

// checkRehearsal comes before all else, for a rehearsal's package brings its
// own root.
func checkRehearsal(label string, kek toolset.KEKPackage, sw toolset.SecurityWorldPackage, p Policy) error {
	switch {
	case kek.Rehearsal != sw.Rehearsal:
		return exitcode.Errorf(exitcode.Refused, "%s: one package is of a rehearsal and the other is not", label)
	case kek.Rehearsal && !p.Rehearsal:
		return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s: made in a rehearsal, and this world is not one", label),
			"make a toolset from the production vault: byok-online toolset build")
	case !kek.Rehearsal && p.Rehearsal:
		return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s: made for production, and this world is a rehearsal", label),
			"make a toolset from the rehearsal vault: byok-online toolset build")
	}
	return nil
}
