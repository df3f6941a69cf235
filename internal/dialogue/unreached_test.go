//go:build linux

package dialogue_test

import (
	"errors"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/p11"
)

const network = "give --hsm-network for an HSM on the network or by USB (AF_NETLINK): " +
	"the kernel refuses its library sockets otherwise"

// TestUnreached: what a refused socket may have caused names the option that
// lifts the refusal, behind the hint that was there, and only while it is refused.
func TestUnreached(t *testing.T) {
	lost := p11.Fail("C_Login", pkcs11.Error(pkcs11.CKR_DEVICE_ERROR))
	for _, c := range []struct {
		name string
		args []string
		err  error
		hint string
	}{
		{"no hint", nil, lost, network},
		{"behind a hint", nil, exitcode.Hint(lost, "connect it"), "connect it; or " + network},
		{"allowed", []string{"--hsm-network"}, exitcode.Hint(lost, "connect it"), "connect it"},
		{"something else", nil, exitcode.Hint(errors.New("no"), "why"), "why"},
	} {
		run(t, c.args, nil, func(r *command.Run) error {
			err := dialogue.Unreached(r, c.err)
			if !errors.Is(err, c.err) || exitcode.HintOf(err) != c.hint {
				t.Errorf("%s: %v, hint %s", c.name, err, exitcode.HintOf(err))
			}
			return nil
		})
	}
}

func TestSayUnanswered(t *testing.T) {
	const said = "test: hint: " + network + "\n"
	for _, c := range []struct {
		name   string
		args   []string
		tokens []hsm.Token
		want   string
	}{
		{"no slot", nil, nil, said},
		{"a slot that does not answer", nil, []hsm.Token{{Label: "a"}, {Fault: "CKR_DEVICE_ERROR"}}, said},
		{"allowed", []string{"--hsm-network"}, nil, ""},
		{"all answer", nil, []hsm.Token{{Label: "a"}}, ""},
	} {
		got := run(t, c.args, nil, func(r *command.Run) error { dialogue.SayUnanswered(r, c.tokens); return nil })
		if got.screen != c.want {
			t.Errorf("%s: %q", c.name, got.screen)
		}
	}
}
