package attest

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"

	"byok/internal/kek"
	"byok/internal/toolset"
)

// key is the key that an attestation must be of.
type key struct {
	id  kek.ID
	pub *rsa.PublicKey
}

// steps are the rules for an attestation of any private RSA key. Without a key
// to compare it with, RuleKey and RuleID do not apply.
func (e *evidence) steps(a toolset.Attestation, roots func() ([]*x509.Certificate, error), k *key) []kek.Step {
	steps := []kek.Step{
		{Rule: RulePresent, Apply: func() (string, error) { return "attested by " + name(a.Version), nil }},
		{Rule: RuleFormat, Apply: func() (string, error) { return e.read(a) }},
	}
	then := []kek.Step{
		{Rule: RuleChain, Apply: func() (string, error) { return e.checkChain(roots) }},
		{Rule: RuleOwner, Apply: e.checkOwner},
		{Rule: RulePartition, Apply: e.checkPartition},
		{Rule: RuleDates, Apply: e.checkDates},
		{Rule: RuleSignature, Apply: e.checkSignature},
		{Rule: RuleClass, Apply: e.checkClass},
		{Rule: RuleSensitive, Apply: e.checkSensitive},
		{Rule: RuleExtractable, Apply: e.checkExtractable},
		{Rule: RuleLocal, Apply: e.checkLocal},
		{Rule: RulePublic, Apply: e.checkPublic},
	}
	if k != nil {
		then = append(then,
			kek.Step{Rule: RuleKey, Apply: func() (string, error) { return e.checkKey(k.pub) }},
			kek.Step{Rule: RuleID, Apply: func() (string, error) { return e.checkID(k.id) }})
	}
	for _, s := range then {
		steps = append(steps, e.whenRead(s))
	}
	return steps
}

// whenRead lets a rule wait until the attestation has been read.
func (e *evidence) whenRead(s kek.Step) kek.Step {
	return kek.Step{Rule: s.Rule, Apply: func() (string, error) {
		if !e.complete {
			return "", errors.New("not checked: the attestation cannot be read")
		}
		return s.Apply()
	}}
}
