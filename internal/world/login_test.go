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
		"wrapping is what the vault unwraps: held", statement.FindingRestart + ": held",
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
	r.Refused(t, station.ChangePIN(rig.Secret("a"), rig.Secret("b")), exitcode.Refused,
		`guard login: the cards hold the user PIN of token "test world" (serial SERIAL), and no one else`,
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

// TestLoginAdoptedRefused: whoever keeps the SO PIN resets the user PIN.
func TestLoginAdoptedRefused(t *testing.T) {
	r := rig.New(t, 2)
	r.InitToken(t, r.Label, rig.UserPIN)
	o := r.LoginCreation(2, statement.GuardLogin)
	o.Choice = world.TokenChoice{
		Adopt: true,
		SOPIN: func(hsm.Token) (*secret.Bytes, error) { return rig.Secret(rig.UserPIN), nil },
	}
	t.Setenv("SHIM_ABSENT", "C_SetPIN")
	_, err := world.Create(o)
	r.Refused(
		t,
		err,
		exitcode.Refused,
		`token "test world" (serial SERIAL) keeps its SO PIN, which resets the user PIN: the cards `+
			"would not hold it alone, as guard login needs",
		"ask for --guard login-shared",
	)
}

// TestToolRecovered: a further token that the vendor's tool has made, whose KM
// the officer trusts as well.
func TestToolRecovered(t *testing.T) {
	for _, c := range []struct {
		name  string
		guard statement.Guard
		make  func(t *testing.T) *rig.Rig
		pin   string
	}{
		{"trust-by-tool", statement.GuardTrustByTool, func(t *testing.T) *rig.Rig { return rig.NewToolWorld(t) }, rig.ToolPIN},
		{"login-shared", statement.GuardLoginShared, func(t *testing.T) *rig.Rig {
			r := rig.New(t, 3)
			r.InitToken(t, r.Label, rig.UserPIN)
			_, err := world.Create(r.LoginCreation(2, statement.GuardLoginShared))
			rig.OK(t, err)
			r.People.Paper = r.Paper(t)
			return r
		}, rig.UserPIN},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.make(t)
			rig.OK(t, generate(r, "key"))
			lost(t, r)
			o := r.Recovery(r.Label)
			o.UserPIN = func(hsm.Token) (*secret.Bytes, error) { return rig.Secret(c.pin), nil }
			_, err := world.Recover(o)
			r.Refused(t, err, exitcode.Usage, `there is no initialised token labelled "test world"`,
				"byok-offline module list shows the tokens; name one with --label")
			r.InitToken(t, r.Label, c.pin)
			r.People.Officer = r.Trust
			_, err = world.Recover(o)
			rig.OK(t, err)
			modules := r.Chain(t).Modules()
			if m := modules[len(modules)-1]; len(modules) != 2 || m.Guard != c.guard {
				t.Errorf("%+v", modules)
			}
			rig.OK(t, quorum(r, func(s world.Quorum) error { return s.StrikeOff(modules[0].Module, "lost") }))
			rig.OK(t, restore(r, "key"))
			r.Whole(t)
		})
	}
}

// TestDyingLogin: a creation and a card replacement that are cut short anywhere
// come to their end in a second run, with both PINs the cards' own.
func TestDyingLogin(t *testing.T) {
	t.Run("create", func(t *testing.T) {
		dying(t, func() (*rig.Rig, func() error) {
			r := rig.New(t, 2)
			return r, func() error {
				_, err := world.Create(r.LoginCreation(2, statement.GuardLogin))
				return err
			}
		})
	})
	t.Run("replace", func(t *testing.T) {
		dying(t, func() (*rig.Rig, func() error) {
			r := rig.NewLoginWorld(t)
			rig.OK(t, generate(r, "key"))
			p, old := replacement(t, r)
			return r, func() error {
				r.People.Paper = r.Paper(t)
				return replace(r, p, old)
			}
		})
	})
}

// TestDyingTool is the same where the officer trusts KM.
func TestDyingTool(t *testing.T) {
	dying(t, func() (*rig.Rig, func() error) {
		r := rig.NewTool(t, 2)
		return r, func() error {
			r.People.PIN, r.People.Officer = rig.ToolPIN, r.Trust
			_, err := world.Create(r.ToolCreation(2))
			return err
		}
	})
}
