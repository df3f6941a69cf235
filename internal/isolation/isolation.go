// Package isolation is what a second process of this program shows of a module, as
// findings for its statement.
//
// The experiments are package secondproc's; which of them a guard rests on is
// decided here.
package isolation

import (
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/printable"
	"byok/internal/secondproc"
	"byok/internal/secret"
	"byok/internal/statement"
)

// Prove has a second process of the program try what it could do while this one is
// logged in, as SO where the traits have one who trusts keys, and as user. A guard
// that puts no session object between a key and the vault does not need those to be
// unseen. The findings come with an error of status HSM if one is not as it must be.
func Prove(m *hsm.Module, t hsm.Token, traits statement.Traits, so, user *secret.Bytes) ([]statement.Finding, error) {
	rows, err := try(m, t, traits, so, user)
	if err != nil {
		return nil, err
	}
	found := []statement.Finding{secondproc.Restarts(m.Path)} // which guards nothing
	var bad []string
	for _, r := range rows {
		found = append(found, statement.Finding{Name: r.Name, Outcome: string(r.Outcome), Detail: r.Detail})
		if r.Outcome != secondproc.Held && (r.Name != secondproc.RowSession || !traits.ByKM) {
			bad = append(bad, r.Name+": "+string(r.Outcome))
		}
	}
	if len(bad) > 0 {
		return found, exitcode.Errorf(exitcode.HSM, "%v does not isolate processes: %s", t, strings.Join(bad, "; ")).
			Hint("byok-offline module check --module-path %s shows every finding", printable.Quote(m.Path))
	}
	return found, nil
}

func try(m *hsm.Module, t hsm.Token, traits statement.Traits, so, user *secret.Bytes) ([]secondproc.Row, error) {
	if traits.Trusted == statement.TrustedBySO {
		return secondproc.Prove(m, t, so, user)
	}
	return secondproc.ProveUser(m, t, user)
}
