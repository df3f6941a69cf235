package dialogue

import (
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

// SayUnanswered says the same of a list of slots that is empty, or has one that
// does not answer.
func SayUnanswered(r *command.Run, tokens []hsm.Token) {
	silent := len(tokens) == 0
	for _, t := range tokens {
		silent = silent || t.Fault != ""
	}
	if silent && !r.Bool("hsm-network") {
		r.Console.Hint("%s", networkHint)
	}
}
