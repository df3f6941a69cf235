package attest

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"

	"byok/internal/toolset"
	"byok/internal/transfer"
)

// key is the key that an attestation must be of.
type key struct {
	kid transfer.KeyID
	pub *rsa.PublicKey
}

// steps are the rules for an attestation of any private RSA key. Without a key
// to hold it against, RuleKey and RuleID do not apply.
func (e *evidence) steps(a toolset.Attestation, roots func() ([]*x509.Certificate, error), k *key) []step {
	steps := []step{
		{RulePresent, func() (string, error) { return "attested by " + name(a.Version), nil }},
		{RuleFormat, func() (string, error) { return e.read(a) }},
	}
	then := []step{
		{RuleChain, func() (detail string, err error) {
			if e.roots, err = roots(); err != nil {
				return "", err
			}
			return e.checkChain()
		}},
		{RuleOwner, e.checkOwner},
		{RulePartition, e.checkPartition},
		{RuleDates, e.checkDates},
		{RuleSignature, e.checkSignature},
		{RuleClass, e.checkClass},
		{RuleSensitive, e.checkSensitive},
		{RuleExtractable, e.checkExtractable},
		{RuleLocal, e.checkLocal},
		{RulePublic, e.checkPublic},
	}
	if k != nil {
		then = append(then,
			step{RuleKey, func() (string, error) { return e.checkKey(k.pub) }},
			step{RuleID, func() (string, error) { return e.checkID(k.kid) }})
	}
	for _, s := range then {
		steps = append(steps, e.whenRead(s))
	}
	return steps
}

// whenRead lets a rule wait until the attestation has been read.
func (e *evidence) whenRead(s step) step {
	return step{s.rule, func() (string, error) {
		if !e.complete {
			return "", errors.New("not checked: the attestation cannot be read")
		}
		return s.apply()
	}}
}
