package world

import (
	"errors"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/isolation"
	"byok/internal/keywrap"
	"byok/internal/twologins"
)

// weaker says that the guard is not reached, and names another to ask for where no
// one asked for this one.
func (c *creation) weaker(err error) error {
	refused := errors.Is(err, hsm.ErrNotEnforced) || errors.Is(err, hsm.ErrNotAnswered) || hsm.IsRefusal(err)
	if !refused || !c.module.token.Initialised && exitcode.HintOf(err) != "" {
		return err // the token was not made: its guard has no part in that
	}
	if c.named {
		return exitcode.Hint(err, "the module does not reach guard %s, which was asked for; "+
			"byok-offline module check shows the guards that it reaches", c.Guard)
	}
	ask := "--guard login, where no one else may log in"
	if form, formErr := c.module.hsm.Form(c.module.token); formErr == nil && form == keywrap.OneCall {
		ask = "--guard trust-by-tool, where the vendor's tool trusts a key, or " + ask
	}
	return exitcode.Hint(err, "the module does not reach guard %s; ask for a weaker one by its name: %s", c.Guard, ask)
}

// prove has a second process of the program try what it could do while this one
// is logged in, and where there are two logins each of them what it may.
func (m *module) prove() (err error) {
	rows, err := isolation.Prove(m.hsm, m.token, m.traits(), m.pin, m.user)
	m.rows = append(m.rows, rows...)
	if err != nil || !m.two.Rights {
		return err
	}
	if m.operator == nil {
		if m.operator, err = m.ui.UserPIN(m.token); err != nil {
			return err
		}
	}
	two := twologins.Logins{Module: m.hsm, Token: m.token, Operator: m.operator, Quorum: m.user}
	rows, err = two.Prove()
	m.rows = append(m.rows, rows...)
	return err
}
