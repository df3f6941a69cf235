package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"byok/internal/attest"
	"byok/internal/command"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/term"
)

// Result is what came of a KEK's check: a line a rule, then what its
// acceptance rests on.
type Result struct {
	Findings    []kek.Finding    `json:"findings"`
	Facts       []attest.Fact    `json:"facts,omitempty"` // of verify --attestation
	Attested    bool             `json:"attested"`
	Accepted    string           `json:"accepted_on,omitempty"`
	Fingerprint *fingerprint.Sum `json:"spki_sha256,omitempty"` // with --show-words
	Words       []string         `json:"words,omitempty"`
}

// Print writes a rule a line.
func (v Result) Print(w io.Writer) error {
	var rows [][]string
	for _, f := range v.Findings {
		rows = append(rows, []string{outcome(f.OK), f.Rule, f.Detail})
	}
	if v.Accepted != "" {
		rows = append(rows, []string{"", "accepted on", v.Accepted})
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	if slices.ContainsFunc(v.Findings, func(f kek.Finding) bool { return strings.Contains(f.Detail, nonFIPS) }) {
		if _, err := fmt.Fprintln(w, nonFIPSMeaning); err != nil {
			return err
		}
	}
	if err := v.printFacts(w); err != nil || v.Fingerprint == nil {
		return err
	}
	words := [][]string{{"fingerprint", v.Fingerprint.Groups()}}
	for _, row := range v.Fingerprint.Rows() {
		words = append(words, []string{"", row})
	}
	return term.Table(w, words)
}

// nonFIPS is part of the names of certificates that the HSM's maker issues, also
// in the genuine attestations of the service.
const (
	nonFIPS        = "for non-FIPS mode"
	nonFIPSMeaning = `"for non-FIPS mode" is part of the name that the HSM's maker gives these
certificates; no rule rests on it: what the rules judge is the key's attributes`
)

func outcome(ok bool) string {
	if ok {
		return "pass"
	}
	return "FAIL"
}

// printFacts shows what the HSM states of the key, below the rules.
func (v Result) printFacts(w io.Writer) error {
	if len(v.Facts) == 0 {
		return nil
	}
	rows := [][]string{{"STATED ATTRIBUTE", "VALUE"}}
	for _, f := range v.Facts {
		rows = append(rows, []string{f.Attribute, f.Value})
	}
	return term.Table(w, rows)
}

// ResultOf shows a check; it gives nothing where no rule was applied.
func ResultOf(v attest.Result, words bool) command.Result {
	if len(v.Findings) == 0 {
		return nil
	}
	view := Result{Findings: v.Findings, Facts: v.Facts}
	if v.KEK != nil {
		view.Attested, view.Accepted = v.KEK.Attested(), acceptedText(v.KEK)
	}
	if words && v.Fingerprint != (fingerprint.Sum{}) {
		view.Fingerprint, view.Words = &v.Fingerprint, v.Fingerprint.Words()
	}
	return view
}

// acceptedText says what the acceptance of a KEK rests on.
func acceptedText(k *attest.KEK) string {
	said := fmt.Sprintf("what %s said of it over another channel", k.Said().By)
	if k.Attested() {
		return "its attestation, and " + said
	}
	return said + "; no attestation proves it"
}
