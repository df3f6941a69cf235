package world

import (
	"errors"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keywrap"
	"byok/internal/printable"
	"byok/internal/secondproc"
	"byok/internal/statement"
)

// weaker names a guard to ask for where trust is not reached and no one asked for another.
func (c *creation) weaker(err error) error {
	refused := errors.Is(err, hsm.ErrNotEnforced) || errors.Is(err, hsm.ErrNotAnswered) || hsm.IsRefusal(err)
	if c.named || !refused || !c.module.token.Initialised && exitcode.HintOf(err) != "" {
		return err // the token was not made: its guard has no part in that
	}
	ask := "--guard login, where no one else may log in"
	if form, formErr := c.module.hsm.Form(c.module.token); formErr == nil && form == keywrap.OneCall {
		ask = "--guard trust-by-tool, where the vendor's tool trusts a key, or " + ask
	}
	return exitcode.Hint(err, "the module does not reach guard %s; ask for a weaker one by its name: %s", c.Guard, ask)
}

// prove has a second process of the program try what it could do while this
// one is logged in. A guard that puts no session object between a key and the
// vault does not need those to be unseen.
func (m *module) prove() error {
	rows, err := m.tryProcess()
	if err != nil {
		return err
	}
	var bad []string
	m.rows = append(m.rows, secondproc.Restarts(m.hsm.Path)) // which guards nothing
	for _, r := range rows {
		m.rows = append(m.rows, statement.Finding{Name: r.Name, Outcome: string(r.Outcome), Detail: r.Detail})
		if r.Outcome != secondproc.Held && (r.Name != secondproc.RowSession || !m.guard.Traits().ByKM) {
			bad = append(bad, r.Name+": "+string(r.Outcome))
		}
	}
	if len(bad) > 0 {
		return exitcode.Errorf(exitcode.HSM, "%v does not isolate processes: %s", m.token, strings.Join(bad, "; ")).
			Hint("byok-offline module check --module-path %s shows every finding", printable.Quote(m.hsm.Path))
	}
	return nil
}

func (m *module) tryProcess() ([]secondproc.Row, error) {
	if m.guard.Traits().Trusted == statement.TrustedBySO {
		return secondproc.Prove(m.hsm, m.token, m.pin, m.user)
	}
	return secondproc.ProveUser(m.hsm, m.token, m.user)
}
