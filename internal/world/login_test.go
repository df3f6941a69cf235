package world_test

import (
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
	"slices"
	"testing"
)

// TestLogin: the cards hold both PINs, nothing is trusted, and nobody logs in
// without them; replaced cards open nothing any more.
func TestLogin(t *testing.T) {
	for _, c := range []struct{ name, profile, rsaAES string }{
		{"in two steps", "", ""}, {"in one call", "", "1"}, {"a module without trust", "luna", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.New(t, 3)
			t.Setenv("SHIM_PROFILE", c.profile)
			t.Setenv("SHIM_RSA_AES", c.rsaAES)
			chain, err := world.Create(r.LoginCreation(2, statement.GuardLogin))
			rig.OK(t, err)
			m := chain.Modules()[0]
			derived := statement.PIN{Characters: 40, Bits: 200}
			if m.Guard != statement.GuardLogin || m.SOPIN != derived || m.UserPIN != derived || m.KW != "" ||
				m.Trust != "" {
				t.Errorf("%+v", m)
			}
			r.Whole(t)
			r.People.Paper = r.Paper(t)
			rig.OK(t, generate(r, "key"))
			r.Whole(t)
			p, old := replacement(t, r)
			rig.OK(t, replace(r, p, old))
			r.Whole(t)
			if err := r.QuorumOf(old[:2], func(*session.Quorum) error { return nil }); exitcode.Of(
				err,
			) != exitcode.Refused {
				t.Errorf("the old cards: %v", err)
			}
		})
	}
}

// TestLoginFindings: what is proved where the login is the guard.
func TestLoginFindings(t *testing.T) {
	r := rig.NewLoginWorld(t)
	var findings []string
	for _, f := range r.Chain(t).Modules()[0].Findings {
		findings = append(findings, f.Name+": "+f.Outcome)
	}
	want := []string{
		"wrapping is what the vault unwraps: held",
		"another process finds no session object of this one: held",
		"while the user is logged in, another process reaches no private key without a PIN: held",
	}
	if !slices.Equal(findings, want) {
		t.Errorf("findings\n got %q\nwant %q", findings, want)
	}
}

// TestLoginPINChanged behind our back: it is said, and the quorum sets it back.
func TestLoginPINChanged(t *testing.T) {
	r := rig.NewLoginWorld(t)
	rig.OK(t, quorum(r, func(s world.Quorum) error {
		return s.AsSO(func() error { return s.HSM.InitPIN(rig.Secret("changed-by-somebody")) })
	}))
	const text = `the user PIN of token "test world" (serial SERIAL) is not the one from the cards, and somebody else may ` +
		`know it: wrong user PIN for token "test world" (serial SERIAL) (CKR_PIN_INCORRECT); the token counts wrong PINs and ` +
		"will lock it after a few more"
	hint := "byok-offline world reset-pin --card DIR … sets it again; keep kmdata for the auditor"
	r.Refused(t, quorum(r, nothing), exitcode.HSM, text, hint)
	r.Refused(t, r.Operator(func(*session.Operator) error { return nil }), exitcode.HSM, text, hint)
	a := r.Access()
	a.WithoutUser = true
	rig.OK(t, r.With(a, r.Folders[:2], func(s *session.Quorum) error { return world.Quorum{Quorum: s}.ResetPIN(nil) }))
	rig.OK(t, quorum(r, nothing))
	r.Whole(t)
	station, err := r.Connect()
	rig.OK(t, err)
	defer station.Close()
	r.Refused(t, world.ChangePIN(station, rig.Secret("a"), rig.Secret("b")), exitcode.Refused,
		`guard login: the cards hold the user PIN of token "test world" (serial SERIAL), and nobody else`,
		"byok-offline world replace-cards makes a new one")
}

// TestLoginShared: a PIN that a person typed, sealed under the cards.
func TestLoginShared(t *testing.T) {
	r := rig.New(t, 3)
	r.InitToken(t, r.Label, rig.UserPIN)
	chain, err := world.Create(r.LoginCreation(2, statement.GuardLoginShared))
	rig.OK(t, err)
	m := chain.Modules()[0]
	if m.Guard != statement.GuardLoginShared || m.SOPIN != (statement.PIN{}) || m.UserPIN.Sealed == "" ||
		m.UserPIN.Bits != 0 {
		t.Errorf("%+v", m)
	}
	r.Heard(
		t,
		r.People.Warned,
		`token "test world" (serial SERIAL) keeps its user PIN: everyone who ever knew it can still export `+
			"keys; guard login-shared",
	)
	r.People.Paper = r.Paper(t)
	r.People.PIN = "asked for"
	rig.OK(t, generate(r, "key"))
	r.Whole(t)
	p, old := replacement(t, r)
	rig.OK(t, replace(r, p, old))
	r.Whole(t)
	rig.OK(t, quorum(r, nothing))
}

// TestLoginAdopted: an adopted token's PINs become the cards', both of them.
func TestLoginAdopted(t *testing.T) {
	r := rig.New(t, 2)
	r.InitToken(t, r.Label, rig.UserPIN)
	o := r.LoginCreation(2, statement.GuardLogin)
	o.Choice = world.TokenChoice{
		Adopt: true,
		SOPIN: func(hsm.Token) (*secret.Bytes, error) { return rig.Secret(rig.UserPIN), nil },
	}
	_, err := world.Create(o)
	rig.OK(t, err)
	r.People.Paper = r.Paper(t)
	rig.OK(t, quorum(r, nothing))
	r.Whole(t)
}

// TestLoginRecovered: a further module has the same guard.
func TestLoginRecovered(t *testing.T) {
	r := rig.NewLoginWorld(t)
	rig.OK(t, generate(r, "key"))
	lost(t, r)
	_, err := world.Recover(r.Recovery(r.Label))
	rig.OK(t, err)
	modules := r.Chain(t).Modules()
	if m := modules[len(modules)-1]; m.Guard != statement.GuardLogin || m.UserPIN.Characters != 40 {
		t.Errorf("%+v", m)
	}
}
