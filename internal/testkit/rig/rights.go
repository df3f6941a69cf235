package rig

import (
	"os"
	"testing"

	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/statement"
	"byok/internal/twologins"
	"byok/internal/world"
)

// The PINs of a module whose logins have rights of their own: see the shim's rights.c.
const (
	OperatorPIN = "0002operator"
	QuorumPIN   = "0003quorum-pin"
)

// NewRights is a rig with an initialised token whose logins have rights of their own,
// as YubiHSM 2.
func NewRights(t testing.TB, n int) *Rig {
	t.Helper()
	r := New(t, n)
	r.Rights(t)
	return r
}

// Rights initialises a token whose logins have rights of their own.
func (r *Rig) Rights(t testing.TB) {
	t.Helper()
	r.People.PIN = OperatorPIN
	r.InitToken(t, r.Label, "0001password")
	t.Setenv("SHIM_PROFILE", "yubihsm")
	conf := r.Library + ".conf" // for the second process
	OK(t, os.WriteFile(conf, []byte("SHIM_PROFILE=yubihsm\n"), 0o600))
	t.Cleanup(func() { _ = os.Remove(conf) })
}

// RightsCreation is [Rig.Creation] with guard login and rights per login.
func (r *Rig) RightsCreation(k int) world.Creation {
	o := r.Creation(k)
	o.Guard = statement.GuardLogin
	o.TwoLogins = twologins.Order{
		Rights: true,
		PIN:    func(hsm.Token) (*secret.Bytes, error) { return Secret(QuorumPIN), nil },
	}
	o.UserPIN = func(hsm.Token, bool) (*secret.Bytes, error) { return Secret(OperatorPIN), nil }
	return o
}

// NewRightsWorld is a rehearsal world with guard login, rights per login and a quorum
// of 2/3.
func NewRightsWorld(t testing.TB) *Rig {
	t.Helper()
	r := NewRights(t, 3)
	_, err := world.Create(r.RightsCreation(2))
	OK(t, err)
	r.People.Paper = r.Paper(t)
	return r
}
