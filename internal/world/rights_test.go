package world_test

import (
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// TestRightsRecovered: a further module has rights per login too, with both proved.
func TestRightsRecovered(t *testing.T) {
	r := rig.NewRightsWorld(t)
	rig.OK(t, generate(r, "key"))
	lost(t, r)
	t.Setenv("SHIM_PROFILE", "")
	r.InitToken(t, r.Label, "0001password")
	t.Setenv("SHIM_PROFILE", "yubihsm")
	o := r.Recovery(r.Label)
	o.TwoLogins = r.RightsCreation(2).TwoLogins
	o.UserPIN = func(hsm.Token) (*secret.Bytes, error) { return rig.Secret(rig.OperatorPIN), nil }
	_, err := world.Recover(o)
	rig.OK(t, err)
	modules := r.Chain(t).Modules()
	if m := modules[len(modules)-1]; len(modules) != 2 || m.Guard != statement.GuardLogin || !m.RightsPerLogin {
		t.Errorf("%+v", m)
	}
	rig.OK(t, quorum(r, func(s world.Quorum) error { return s.StrikeOff(modules[0].Module, "the HSM burnt") }))
	rig.OK(t, restore(r, "key"))
	r.Whole(t)
}

// TestRightsAccepted: whoever accepts a library proves both logins again.
func TestRightsAccepted(t *testing.T) {
	r := rig.NewRightsWorld(t)
	accept := func() error { return quorum(r, func(s world.Quorum) error { return s.Accept() }) }
	rig.OK(t, accept())
	r.Whole(t)
	t.Setenv("SHIM_RIGHTS", "wrap")
	r.Refused(t, accept(), exitcode.HSM,
		`token "test world" (serial SERIAL) does not enforce its restrictions: the operator's login wraps a key`,
		"make that login again without these rights: yubihsm-shell -a put-authentication-key, "+
			"as docs/hsm/yubihsm2.md has it")
}
