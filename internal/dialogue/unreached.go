package dialogue

import (
	"slices"

	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/term"
)

// Unreached adds --hsm-network to the hint of err where the HSM may not have been
// reached for want of a socket.
func Unreached(r *command.Run, err error) error {
	if r.Bool("hsm-network") || !hsm.IsUnreached(err) {
		return err
	}
	hint := confine.NetworkHint
	if present := exitcode.HintOf(err); present != "" {
		hint = present + "; or " + hint
	}
	return exitcode.Hint(err, "%s", hint)
}

// Tokens lists the tokens of a library, or those that --token calls. None is an
// error with the status HSM. Where a slot does not answer, it says what [Unreached]
// adds.
func Tokens(r *command.Run, m *hsm.Module) ([]hsm.Token, error) {
	name, err := TokenName(r)
	if err != nil {
		return nil, err
	}
	tokens, err := m.Tokens()
	if err != nil {
		return nil, err
	}
	silent := slices.ContainsFunc(tokens, func(t hsm.Token) bool { return t.Fault != "" })
	tokens = slices.DeleteFunc(tokens, func(t hsm.Token) bool { return !name.Fits(t) })
	if len(tokens) == 0 {
		return nil, noToken(name, m)
	}
	if silent && !r.Bool("hsm-network") {
		r.Console.Hint("%s", confine.NetworkHint)
	}
	return tokens, nil
}

// noToken says that a library shows no token, or none that the name calls.
func noToken(name hsm.TokenName, m *hsm.Module) error {
	if name.IsZero() {
		return hsm.Unreached(exitcode.Errorf(exitcode.HSM, "no slot of %s holds a token", m.Path).
			Hint("connect the HSM, or make a partition or token with the vendor's tool"))
	}
	return hsm.Unreached(exitcode.Errorf(exitcode.HSM, "no token %s in %s", name, m.Path).
		Hint("byok-offline module list --module-path %s shows every token", term.Quote(m.Path)))
}
