package dialogue

import (
	"slices"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/hsm"
)

// networkHint follows the hint of an error that a refused socket may have caused.
// A library looks for USB devices through AF_NETLINK.
const networkHint = "give --hsm-network for an HSM on the network or by USB (AF_NETLINK): " +
	"the kernel refuses its library sockets otherwise"

// Unreached adds --hsm-network to the hint of err where the HSM may not have been
// reached for want of a socket.
func Unreached(r *command.Run, err error) error {
	if r.Bool("hsm-network") || !hsm.IsUnreached(err) {
		return err
	}
	hint := networkHint
	if present := exitcode.HintOf(err); present != "" {
		hint = present + "; or " + networkHint
	}
	return exitcode.Hint(err, "%s", hint)
}

// Tokens lists the tokens of a library, or those that --token calls. Where there
// are none, or a slot does not answer, it says the same.
func Tokens(r *command.Run, m *hsm.Module) ([]hsm.Token, error) {
	name, err := TokenName(r)
	if err != nil {
		return nil, err
	}
	tokens, err := m.Tokens()
	if err != nil {
		return nil, err
	}
	sayUnanswered(r, tokens)
	return slices.DeleteFunc(tokens, func(t hsm.Token) bool { return !name.Fits(t) }), nil
}

func sayUnanswered(r *command.Run, tokens []hsm.Token) {
	silent := len(tokens) == 0 || slices.ContainsFunc(tokens, func(t hsm.Token) bool { return t.Fault != "" })
	if silent && !r.Bool("hsm-network") {
		r.Console.Hint("%s", networkHint)
	}
}
