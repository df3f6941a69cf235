package bytool_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"byok/internal/bytool"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keywrap"
	"byok/internal/officer"
	"byok/internal/session"
	"byok/internal/testkit/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// trusting puts KM of a new world on a token that the vendor's tool has made, as
// another module of it.
func trusting(t *testing.T, f func(r *rig.Rig, m *bytool.Trusting, on *hsm.Session)) {
	t.Helper()
	r := rig.NewToolWorld(t)
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		f(r, &bytool.Trusting{
			UI: r.People, HSM: o.Loaded, Token: o.Token, Module: "0123456789abcdef0123456789abcdef", Guard: o.Module.Guard,
			Set: o.Chain.Set(), Keep: func() error { return nil },
		}, o.User.Session)
		return nil
	}))
}

// TestTrust: an officer who does nothing at first is asked for the same object
// again, and for another where nobody proved what it was before.
func TestTrust(t *testing.T) {
	trusting(t, func(r *rig.Rig, m *bytool.Trusting, on *hsm.Session) {
		rig.OK(t, r.Untrust(r.IDOf(t, "byok-km-"+r.Chain(t).Modules()[0].Module+"-1"))) // the world's own
		var asked []officer.Order
		nobody := func(o officer.Order) error {
			asked = append(asked, o)
			return nil
		}
		r.People.Officer = nobody
		const said = "the officer did not trust byok-km-MODULE-1"
		r.Refused(t, m.Trust(on), exitcode.Failed, said, "")
		if !m.Refused {
			t.Error("it is not noted that KM wraps nothing yet")
		}
		r.Refused(t, m.Trust(on), exitcode.Failed, said, "")
		m.Refused = false
		r.Refused(t, m.Trust(on), exitcode.Failed, said, "")
		if !bytes.Equal(asked[0].ID, asked[1].ID) || bytes.Equal(asked[1].ID, asked[2].ID) {
			t.Errorf("%v", asked)
		}
		r.People.Officer = r.Trust
		rig.OK(t, m.Trust(on))
		m.Refused = false
		no := errors.New("no")
		m.Keep = func() error { return no }
		if err := m.Trust(on); !errors.Is(err, no) {
			t.Errorf("what cannot be noted: %v", err)
		}
	})
}

// TestAnother: an officer who trusts another object ends the wait.
func TestAnother(t *testing.T) {
	trusting(t, func(r *rig.Rig, m *bytool.Trusting, on *hsm.Session) {
		r.People.Officer = func(officer.Order) error { return nil }
		err := m.Trust(on) // the world's own KM is trusted
		if exitcode.Of(err) != exitcode.Check ||
			exitcode.HintOf(err) != "have the officer take that back, then run the same command again" {
			t.Errorf("%v", err)
		}
	})
}

// TestTwoSteps: without the one-call form there is no way to a vault.
func TestTwoSteps(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		if o.Module.Form != keywrap.TwoSteps {
			t.Error(o.Module.Form)
		}
		m := &bytool.Trusting{HSM: o.Loaded, Token: o.Token, Guard: "trust-by-tool"}
		r.Refused(t, m.Trust(o.User.Session), exitcode.Refused,
			`guard trust-by-tool needs CKM_RSA_AES_KEY_WRAP, which token "test world" (serial SERIAL) does not offer`,
			"byok-offline module check shows which guard the module reaches")
		return nil
	}))
}

// TestTokenFails: whatever call fails ends the wait, and nothing is noted that
// was not proved.
func TestTokenFails(t *testing.T) {
	trusting(t, func(r *rig.Rig, m *bytool.Trusting, on *hsm.Session) {
		rig.OK(t, r.Untrust(r.IDOf(t, "byok-km-"+r.Chain(t).Modules()[0].Module+"-1")))
		r.People.Officer = r.Trust
		t.Setenv("SHIM_DO", "fail=0x30")
		for _, at := range []string{"C_FindObjectsInit+", "C_CreateObject+", "C_WrapKey+", "C_GetAttributeValue+"} {
			t.Setenv("SHIM_AT", at)
			if err := m.Trust(on); exitcode.Of(err) != exitcode.HSM || m.Refused {
				t.Errorf("%s: %v, noted %t", at, err, m.Refused)
			}
		}
		for n := 1; ; n++ { // each search and each look, until it comes to its end
			t.Setenv("SHIM_AT", fmt.Sprint("C_GetAttributeValue#", n))
			m.Refused = false
			err := m.Trust(on)
			if err == nil {
				return
			}
			if exitcode.Of(err) != exitcode.HSM {
				t.Errorf("look %d: %v", n, err)
			}
		}
	})
}
