package attest

import (
	"errors"

	"byok/internal/kek"
	"byok/internal/toolset"
)

// rule is a row of the table of rules.
type rule struct {
	name    string
	applies func(*evidence) bool
	check   func(*evidence) (detail string, err error)
}

// attested lists the rules for an attestation that has been read, in the order
// in which they are applied and shown. [RulePresent] and [RuleFormat] come
// before them.
func attested() []rule {
	always := func(*evidence) bool { return true }
	known := func(e *evidence) bool { return e.subject != nil }
	forKEK := func(e *evidence) bool { return e.forKEK }
	return []rule{
		{RuleChain, always, (*evidence).checkChain},
		{RuleOwner, always, (*evidence).checkOwner},
		{RulePartition, always, (*evidence).checkPartition},
		{RuleDates, always, (*evidence).checkDates},
		{RuleSignature, always, (*evidence).checkSignature},
		{RuleClass, always, (*evidence).checkClass},
		{RuleKey, known, (*evidence).checkKey},
		{RuleID, known, (*evidence).checkID},
		{RuleSensitive, always, (*evidence).checkSensitive},
		{RuleExtractable, always, (*evidence).checkExtractable},
		{RuleLocal, always, (*evidence).checkLocal},
		{RuleUsage, forKEK, (*evidence).checkUsage},
		{RulePublic, always, (*evidence).checkPublic},
	}
}

// steps are the rules that apply to an attestation.
func (e *evidence) steps(a toolset.Attestation) []kek.Step {
	steps := []kek.Step{
		{Rule: RulePresent, Apply: func() (string, error) { return "attested by " + name(a.Version), nil }},
		{Rule: RuleFormat, Apply: func() (string, error) { return e.read(a) }},
	}
	for _, r := range attested() {
		if r.applies(e) {
			steps = append(steps, e.whenRead(r.name, func() (string, error) { return r.check(e) }))
		}
	}
	return steps
}

// whenRead is a step that is not taken unless the attestation could be read.
func (e *evidence) whenRead(name string, check func() (string, error)) kek.Step {
	return kek.Step{Rule: name, Apply: func() (string, error) {
		if !e.complete {
			return "", errors.New("not checked: the attestation cannot be read")
		}
		return check()
	}}
}
