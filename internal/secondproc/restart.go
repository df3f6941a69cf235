package secondproc

import (
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm"
	"byok/internal/hsm/p11"
	"byok/internal/secret"
	"byok/internal/statement"
)

// Restarts has a second process try whether the library takes C_Initialize after
// C_Finalize. Some refuse it until the process ends, so this one must not try.
func Restarts(library string) statement.Finding {
	found := statement.Finding{Name: statement.FindingRestart, Outcome: string(NotAnswered)}
	p, err := start(patience)
	if err != nil {
		found.Detail = err.Error()
		return found
	}
	defer p.stop()
	tries, err := p.ask(order{Do: "restart", Library: library}, nil)
	switch {
	case err != nil:
		found.Detail = err.Error()
	case slices.ContainsFunc(tries, func(t try) bool { return t.Worked }):
		found.Outcome = string(Held)
	case len(tries) > 0:
		found.Outcome = string(Failed)
		found.Detail = named(tries[0].Name, pkcs11.Error(tries[0].Code)).Error()
	}
	return found
}

// restart finalises the library and initialises it again.
func (c *child) restart(o order, _ *secret.Bytes) error {
	m, err := hsm.Load(o.Library)
	if err != nil {
		return err
	}
	c.module = m
	ctx := pkcs11.New(m.Path)
	defer ctx.Destroy()
	if err := ctx.Finalize(); err != nil {
		return named("C_Finalize", err)
	}
	err = ctx.Initialize()
	if p11.CannotLock(err) { // which is not about the second time
		err = nil
	}
	return c.report("C_Initialize after C_Finalize", err == nil, err)
}
