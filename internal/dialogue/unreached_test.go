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
	"byok/internal/hsm/shim"
	"byok/internal/secret"
	"byok/internal/testkit/softhsm"
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

// shimmed is the shim over SoftHSM with an initialised token and a free one.
func shimmed(t *testing.T) *hsm.Module {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	m, err := hsm.Load(shim.Build(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	free, err := m.Free()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Initialise(free, secret.Take([]byte("1234")), "byok"); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestTokens: what is called, and the hint where something is not there.
func TestTokens(t *testing.T) {
	m := shimmed(t)
	const said = "test: hint: " + network + "\n"
	for _, c := range []struct {
		name, variable string
		args           []string
		want           string
		count          int
	}{
		{"all answer", "", nil, "", 2},
		{"one is called", "", []string{"--token", "label:byok"}, "", 1},
		{"by a URI", "", []string{"--token", "pkcs11:token=byok;manufacturer=SoftHSM%20project"}, "", 1},
		{"a slot that does not answer", "SHIM_GHOST", nil, said, 3},
		{"allowed", "SHIM_GHOST", []string{"--hsm-network"}, "", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.variable != "" {
				t.Setenv(c.variable, "0xE1")
			}
			got := run(t, c.args, nil, func(r *command.Run) error {
				found, err := dialogue.Tokens(r, m)
				if len(found) != c.count {
					t.Errorf("%+v", found)
				}
				return err
			})
			if got.screen != c.want || got.err != nil {
				t.Errorf("%q, %v", got.screen, got.err)
			}
		})
	}
	for _, c := range []struct {
		variable   string
		args       []string
		want, hint string
	}{
		{"SHIM_NO_SLOTS", nil, "no slot of " + m.Path + " holds a token",
			"connect the HSM, or make a partition or token with the vendor's tool"},
		{"SHIM_GHOST", []string{"--token", "label:other"}, `no token labelled "other" in ` + m.Path,
			"byok-offline module list --module-path " + m.Path + " shows every token"},
	} {
		t.Run(c.want, func(t *testing.T) {
			t.Setenv(c.variable, "0xE1")
			got := run(t, c.args, nil, func(r *command.Run) error { _, err := dialogue.Tokens(r, m); return err })
			if refused(t, c.want, got.err, exitcode.HSM, c.want, c.hint); !hsm.IsUnreached(got.err) {
				t.Error("it is not said that a refused socket may be the cause")
			}
		})
	}
	got := run(t, []string{"--token", "slot:x"}, nil, func(r *command.Run) error { _, err := dialogue.Tokens(r, m); return err })
	refused(t, "bad name", got.err, exitcode.Usage, `token "slot:x": expected a number behind slot:`,
		"byok-offline module list shows the slots")
	t.Setenv("SHIM_DO", "fail=0x30")
	t.Setenv("SHIM_AT", "C_GetSlotList")
	got = run(t, nil, nil, func(r *command.Run) error { _, err := dialogue.Tokens(r, m); return err })
	refused(t, "no list", got.err, exitcode.HSM, "C_GetSlotList of "+m.Path+": CKR_DEVICE_ERROR", "")
}

// TestTokenNameRefused: no command goes on without the token that was meant.
func TestTokenNameRefused(t *testing.T) {
	for name, try := range map[string]func(r *command.Run) error{
		"access": func(r *command.Run) error {
			_, err := dialogue.Access(r, t.TempDir(), dialogue.New(r, true))
			return err
		},
		"connect":     func(r *command.Run) error { _, err := dialogue.Connect(r, nil, nil); return err },
		"connect new": func(r *command.Run) error { _, err := dialogue.ConnectNew(r, nil, nil); return err },
	} {
		got := run(t, []string{"--token", "pkcs11:token=a;token=b"}, nil, try)
		refused(t, name, got.err, exitcode.Usage, "PKCS#11 URI: token is given twice",
			"such as pkcs11:token=LABEL;serial=SERIAL, in quotes; byok-offline module list shows the tokens")
	}
}

// TestPINPad: no PIN is asked for that is typed on the device.
func TestPINPad(t *testing.T) {
	m := shimmed(t)
	t.Setenv("SHIM_PIN_PAD", "1")
	token, err := m.Token("label:byok")
	if err != nil {
		t.Fatal(err)
	}
	for what, ask := range map[string]func(u *dialogue.UI) (*secret.Bytes, error){
		"user PIN":     func(u *dialogue.UI) (*secret.Bytes, error) { return u.UserPIN(token) },
		"new user PIN": func(u *dialogue.UI) (*secret.Bytes, error) { return u.NewUserPIN("pin-file", token, "a") },
	} {
		got := run(t, nil, nil, func(r *command.Run) error {
			pin, err := ask(dialogue.New(r, true))
			if pin.Len() != 0 {
				t.Errorf("a PIN of %d bytes", pin.Len())
			}
			return err
		})
		want := "test: " + token.String() + ": enter the " + what + " on the device when it asks\n"
		if got.err != nil || got.screen != want {
			t.Errorf("%q, %v", got.screen, got.err)
		}
	}
}
