package world_test

import (
	"os"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/pins"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// lone asks for a world on a token that NSS softoken's own tool has made.
func lone(t *testing.T, r *rig.Rig) world.Creation {
	t.Helper()
	r.InitToken(t, r.Label, rig.UserPIN)
	t.Setenv("SHIM_PROFILE", "nss")
	conf := r.Library + ".conf" // for the second process
	rig.OK(t, os.WriteFile(conf, []byte("SHIM_PROFILE=nss\n"), 0o600))
	t.Cleanup(func() { rig.OK(t, os.Remove(conf)) })
	o := r.LoginCreation(2, statement.GuardLogin)
	o.Choice.Adopt = true
	o.UserPIN = func(_ hsm.Token, keeps bool) (*secret.Bytes, error) {
		if !keeps {
			t.Error("a new PIN was asked for")
		}
		return rig.Secret(rig.UserPIN), nil
	}
	return o
}

// TestLone: on a token without an SO role the cards hold the user PIN alone, and
// replaced cards change it as user.
func TestLone(t *testing.T) {
	r := rig.New(t, 3)
	chain, err := world.Create(lone(t, r))
	rig.OK(t, err)
	m := chain.Modules()[0]
	if m.Guard != statement.GuardLogin || m.SOPIN != (statement.PIN{}) || m.UserPIN != (statement.PIN{Characters: 40, Bits: 200}) {
		t.Errorf("%+v", m)
	}
	if f := m.Findings[0]; f.Name != pins.Lone || f.Outcome != "held" {
		t.Errorf("%+v", m.Findings)
	}
	r.Heard(t, r.People.Warned, `token "test world" (serial SERIAL) adopted; its user PIN comes from the cards now, but a `+
		"login with the old one may still be open: end every other session on the HSM, or restart it; guard login")
	r.People.Paper = r.Paper(t)
	r.People.PIN = rig.UserPIN
	rig.OK(t, generate(r, "key"))
	r.Whole(t)
	p, old := replacement(t, r)
	rig.OK(t, replace(r, p, old))
	r.Whole(t)
	rig.OK(t, quorum(r, nothing))
	a := r.Access()
	a.WithoutUser = true
	r.Refused(t, r.With(a, r.Folders[:2], func(s *session.Quorum) error { return world.Quorum{Quorum: s}.ResetPIN(nil) }),
		exitcode.Refused, `guard login: the cards do not hold the SO PIN of token "test world" (serial SERIAL)`,
		"reset the user PIN with the vendor's tool")
}

// TestLoneRecovered: the token was made again, and nothing of the world is on it.
func TestLoneRecovered(t *testing.T) {
	r := rig.New(t, 3)
	_, err := world.Create(lone(t, r))
	rig.OK(t, err)
	r.People.Paper = r.Paper(t)
	rig.OK(t, generate(r, "key"))
	lost(t, r)
	r.InitToken(t, r.Label, rig.UserPIN)
	_, err = world.Recover(r.Recovery(r.Label))
	rig.OK(t, err)
	modules := r.Chain(t).Modules()
	if m := modules[len(modules)-1]; m.Guard != statement.GuardLogin || m.SOPIN != (statement.PIN{}) || m.UserPIN.Bits != 200 {
		t.Errorf("%+v", m)
	}
}
