// Package kek holds what is known about key exchange keys once: how one is
// identified, which rules it must meet, and what must have been said about it
// over another channel before it is accepted.
//
// Use [ParseID] for identifiers and compare them with [ID.Equal]. A program
// that sees a key in a vault fills in a [Candidate] and calls
// [Candidate.Check]; a program that reads a toolset calls attest.Check with a
// [Policy], which applies the same rules and those of the attestation. Only
// attest.Check makes a KEK that keys may be wrapped for: do not wrap for an
// identifier and a public key that were never checked together.
//
// Each rule has one name, which findings, errors, tests and documents use.
package kek

import "fmt"

// Mark says what a key exchange key, its packages and all that is made with
// them are for. Production refuses the others.
type Mark string

// The marks. They are spelled so in the packages of a toolset.
const (
	Production Mark = "production"
	Rehearsal  Mark = "rehearsal" // made by a rehearsal vault of this project
	Test       Mark = "test"      // made by another vault that was called a test vault
)

// Check returns an error, to be put behind the field's name, unless the mark
// is one of the three.
func (m Mark) Check() error {
	switch m {
	case Production, Rehearsal, Test:
		return nil
	}
	return fmt.Errorf("expected %q, %q or %q", Production, Rehearsal, Test)
}

// Finding is how one rule turned out.
type Finding struct {
	Rule   string `json:"rule"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // the fact that was found if OK, otherwise the reason; one line
}

// Step is a rule and how to apply it: the fact to show, or why it fails.
type Step struct {
	Rule  string
	Apply func() (detail string, err error)
}

// Follow applies the steps in order, all of them: a person who has to find out
// what is wrong needs more than the first reason.
func Follow(steps []Step) []Finding {
	findings := make([]Finding, 0, len(steps))
	for _, s := range steps {
		detail, err := s.Apply()
		if err != nil {
			detail = err.Error()
		}
		findings = append(findings, Finding{Rule: s.Rule, OK: err == nil, Detail: detail})
	}
	return findings
}

// Failed returns the findings of rules that do not hold.
func Failed(findings []Finding) []Finding {
	var failed []Finding
	for _, f := range findings {
		if !f.OK {
			failed = append(failed, f)
		}
	}
	return failed
}
