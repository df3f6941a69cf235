package attest

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/toolset"
	"byok/internal/transfer"
)

// judgement is one run of Check.
type judgement struct {
	kek    toolset.KEKPackage
	sw     toolset.SecurityWorldPackage
	policy Policy
	key    *rsa.PublicKey // nil if public_key is not an RSA key
	sum    fingerprint.Sum
}

func newJudgement(kek toolset.KEKPackage, sw toolset.SecurityWorldPackage, p Policy) *judgement {
	j := &judgement{kek: kek, sw: sw, policy: p}
	if key, err := transfer.ParsePublicKey(kek.PublicKey); err == nil {
		j.key, _ = key.(*rsa.PublicKey)
	}
	if j.key != nil {
		// It cannot fail for a key that was just parsed; RuleType holds a zero sum.
		j.sum, _ = fingerprintOf(j.key)
	}
	return j
}

func (j *judgement) packageSteps(swBytes []byte) []step {
	return []step{
		{RuleRehearsal, j.rehearsal},
		{RuleWorldHash, func() (string, error) { return j.worldHash(swBytes) }},
		{RuleWorldSuffix, j.worldSuffix},
		{RuleWorldVault, j.worldVault},
		{RuleType, j.keyType},
		{RuleOps, j.ops},
		{RuleExpiry, j.expiry},
	}
}

func (j *judgement) rehearsal() (string, error) {
	if j.kek.Rehearsal {
		return "REHEARSAL: this proves nothing of value", nil
	}
	return "production", nil
}

func (j *judgement) worldHash(swBytes []byte) (string, error) {
	again, err := j.sw.Marshal()
	if err != nil || !bytes.Equal(again, swBytes) {
		return "", errors.New("the SecurityWorld package is not the file that was read")
	}
	sum := fingerprint.Of(swBytes)
	if sum != j.kek.SecurityWorld {
		return "", errors.New("the KEK package is bound to another SecurityWorld package")
	}
	return sum.String(), nil
}

func (j *judgement) worldSuffix() (string, error) {
	if j.kek.Suffix != j.sw.Suffix || j.kek.Generation != j.sw.Generation {
		return "", fmt.Errorf("%s-%d and %s-%d", j.kek.Suffix, j.kek.Generation, j.sw.Suffix, j.sw.Generation)
	}
	return fmt.Sprintf("%s-%d", j.kek.Suffix, j.kek.Generation), nil
}

func (j *judgement) worldVault() (string, error) {
	if j.kek.KID.Vault != j.sw.Vault {
		return "", fmt.Errorf("the KEK is in %s, not in %s", j.kek.KID.Vault, j.sw.Vault)
	}
	return j.sw.Vault, nil
}

func (j *judgement) keyType() (string, error) {
	if j.key == nil || j.sum == (fingerprint.Sum{}) {
		return "", errors.New("not an RSA key of 2048, 3072 or 4096 bits")
	}
	return fmt.Sprintf("RSA %d", j.key.N.BitLen()), nil
}

func (j *judgement) ops() (string, error) {
	if !slices.Equal(j.kek.KeyOps, []string{"import"}) {
		return "", fmt.Errorf("key_ops is %q where only import is expected", j.kek.KeyOps)
	}
	return "import", nil
}

func (j *judgement) expiry() (string, error) {
	switch {
	case j.kek.Expires.IsZero():
		return "never expires", nil
	case !j.policy.Now.Before(j.kek.Expires):
		return "", fmt.Errorf("the KEK expired at %s, and now is %s", stamp(j.kek.Expires), stamp(j.policy.Now))
	}
	return "until " + stamp(j.kek.Expires), nil
}

func (j *judgement) attestationSteps(a toolset.Attestation) []step {
	e := &evidence{now: j.policy.Now}
	steps := e.steps(a, j.roots, &key{j.kek.KID, j.key})
	steps = append(steps, e.whenRead(step{RuleUsage, e.checkUsage}))
	if managedHSM(j.sw) {
		steps = append(steps, e.whenRead(step{RuleWorldPartition, func() (string, error) { return e.checkNamed(j.sw.PartitionCertificates) }}))
	}
	return steps
}

// roots are the vendor's, or in a rehearsal nothing but the rehearsal's own.
func (j *judgement) roots() ([]*x509.Certificate, error) {
	if !j.kek.Rehearsal {
		return pinnedRoots()
	}
	list, err := readPEM([]byte(j.sw.RehearsalRoot))
	if err != nil || len(list) != 1 {
		return nil, errors.New("rehearsal_root is not one certificate in PEM")
	}
	return list, nil
}

// managedHSM also looks at the name of the vault: to call a Managed HSM a
// vault must not spare it the attestation.
func managedHSM(sw toolset.SecurityWorldPackage) bool {
	return sw.Service == toolset.ServiceManagedHSM || strings.Contains(sw.Vault, ".managedhsm.")
}

func (j *judgement) unattestedSteps() []step {
	none := step{RulePresent, func() (string, error) {
		if managedHSM(j.sw) {
			return "", errors.New("a Managed HSM attests its keys, and this package has no attestation")
		}
		return "", errors.New("the vault attests nothing: the KEK is proved by its fingerprint alone")
	}}
	accepted := step{RuleAccepted, func() (string, error) {
		if !slices.Contains(j.policy.Accepted, j.sum) {
			return "", fmt.Errorf("not accepted: SHA-256 %s", j.sum.Groups())
		}
		return "SHA-256 " + j.sum.Groups(), nil
	}}
	return []step{none, accepted}
}

// verdict weighs the findings.
func (j *judgement) verdict(label string, findings []Finding) (Verdict, error) {
	v := Verdict{Findings: findings, Fingerprint: j.sum}
	bad := failed(findings)
	if j.kek.Attestation == nil && !managedHSM(j.sw) {
		bad = slices.DeleteFunc(bad, func(rule string) bool { return rule == RulePresent || rule == RuleAccepted })
	}
	if len(bad) > 0 {
		return v, exitcode.Errorf(exitcode.Check, "%s: the KEK is refused by %s", label, strings.Join(bad, ", "))
	}
	if j.kek.Attestation == nil && !slices.Contains(j.policy.Accepted, j.sum) {
		return v, exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s: the KEK is not attested, and its fingerprint has not been accepted", label),
			`compare the fingerprint with the vault's over a second channel, then pass --accept-unattested --fingerprint "<words or hex>"`)
	}
	v.KEK = &KEK{kid: j.kek.KID, key: *j.key, sum: j.sum, attested: j.kek.Attestation != nil, rehearsal: j.kek.Rehearsal}
	return v, nil
}
