package world_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	order "byok/internal/officer"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// TestTrustRoute: a module whose SO sets TRUSTED afterwards serves as well, and
// its statement says which way it was.
func TestTrustRoute(t *testing.T) {
	for _, c := range []struct {
		name, later, rsaAES string
		want                statement.TrustRoute
	}{
		{"at creation", "", "", statement.TrustAtCreation},
		{"afterwards, in two steps", "modifiable", "", statement.TrustAfterwards},
		{"afterwards, in one call", "1", "1", statement.TrustAfterwards},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.New(t, 3)
			t.Setenv("SHIM_TRUST_LATER", c.later)
			t.Setenv("SHIM_RSA_AES", c.rsaAES)
			chain, err := world.Create(r.Creation(2))
			rig.OK(t, err)
			if got := chain.Modules()[0].Trust; got != c.want {
				t.Errorf("route %q, want %q", got, c.want)
			}
			r.Whole(t)
			rig.OK(t, generate(r, "key"))
			p, old := replacement(t, r)
			rig.OK(t, replace(r, p, old))
			if got := r.Chain(t).Modules()[0].Trust; got != c.want {
				t.Errorf("route %q after the replacement, want %q", got, c.want)
			}
			r.Whole(t)
			rig.OK(t, r.Quorum(func(*session.Quorum) error { return nil }))
		})
	}
}

// TestTrustByTool: the officer trusts KM alone, once a card set; backups,
// transfers and restores go by way of it.
func TestTrustByTool(t *testing.T) {
	r := rig.NewTool(t, 3)
	chain, err := world.Create(r.ToolCreation(2))
	rig.OK(t, err)
	m := chain.Modules()[0]
	if m.Guard != statement.GuardTrustByTool || m.Trust != statement.TrustByTool || m.SOPIN != (statement.PIN{}) {
		t.Errorf("%+v", m)
	}
	var findings []string
	for _, f := range m.Findings {
		findings = append(findings, f.Name+": "+f.Outcome)
	}
	want := []string{
		"the user makes no trusted key: held",
		"KM wraps what only a trusted key may wrap, and no other key does: held",
		"wrapping is what the vault unwraps: held",
		"no other object of the token is trusted: not answered",
		"the vendor's tool changes no attribute of a key: not answered",
		"the library can be initialised again in one process: held",
		"another process finds no session object of this one: held",
		"while the user is logged in, another process reaches no private key without a PIN: held",
	}
	if !slices.Equal(findings, want) {
		t.Errorf("findings\n got %q\nwant %q", findings, want)
	}
	r.Whole(t)
	r.People.Paper = r.Paper(t)
	rig.OK(t, generate(r, "key"))
	r.Whole(t)
	p, old := replacement(t, r)
	rig.OK(t, replace(r, p, old))
	r.Whole(t)
	err = quorum(r, func(s world.Quorum) error { return s.ResetPIN(rig.Secret(rig.ToolPIN)) })
	r.Refused(
		t,
		err,
		exitcode.Refused,
		`guard trust-by-tool: the cards do not hold the SO PIN of token "test world" (serial SERIAL)`,
		"reset the user PIN with the vendor's tool",
	)
}

// TestOfficers: what a crypto officer may do otherwise. The same command goes on
// once it is put right.
func TestOfficers(t *testing.T) {
	for _, c := range []struct {
		name string
		deed func(t *testing.T, r *rig.Rig, asked order.Order) error
		mend func(t *testing.T, r *rig.Rig, asked order.Order)
		code exitcode.Code
		text func(order order.Order) string
		hint string
	}{
		{
			name: "trusts nothing",
			deed: func(*testing.T, *rig.Rig, order.Order) error { return nil },
			code: exitcode.Failed,
			text: func(o order.Order) string { return "the officer did not trust " + o.Label },
			hint: "run the same command again: it continues with the cards that were dealt",
		},
		{
			name: "trusts another object",
			deed: func(t *testing.T, r *rig.Rig, o order.Order) error {
				o.ID = r.IDOf(t, statement.KMLLabel(moduleOf(o)))
				return r.Trust(o)
			},
			mend: func(t *testing.T, r *rig.Rig, o order.Order) {
				rig.OK(t, r.Untrust(r.IDOf(t, statement.KMLLabel(moduleOf(o)))))
			},
			code: exitcode.Check,
			text: func(o order.Order) string {
				return "the crypto officer trusted another object than KM (" + o.Label + `) on token "test world" (serial SERIAL): `
			},
			hint: "have the officer take that back, then run the same command again",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.NewTool(t, 2)
			var asked order.Order
			r.People.Officer = func(o order.Order) error {
				asked = o
				return c.deed(t, r, o)
			}
			_, err := world.Create(r.ToolCreation(2))
			if err == nil || !strings.HasPrefix(r.Plain(err.Error()), r.Plain(c.text(asked))) ||
				exitcode.Of(err) != c.code ||
				exitcode.HintOf(err) != c.hint {
				t.Fatalf("%v (status %d; hint: %s)", err, exitcode.Of(err), exitcode.HintOf(err))
			}
			if c.mend != nil {
				c.mend(t, r, asked)
			}
			first := asked
			r.People.Officer = func(o order.Order) error {
				asked = o
				return r.Trust(o)
			}
			_, err = world.Create(r.ToolCreation(2))
			rig.OK(t, err)
			if !bytes.Equal(asked.ID, first.ID) || asked.Label != first.Label {
				t.Errorf("the second run asks for %+v, the first for %+v", asked.Object, first.Object)
			}
			r.Whole(t)
		})
	}
}

// moduleOf is the module's id, out of KM's label.
func moduleOf(o order.Order) string {
	return strings.TrimSuffix(strings.TrimPrefix(o.Label, "byok-km-"), "-1")
}

// TestUntrustedLater: an officer who takes the trust back is seen before the
// cards are called, and in a world check.
func TestUntrustedLater(t *testing.T) {
	r := rig.NewTool(t, 2)
	var asked order.Order
	r.People.Officer = func(o order.Order) error {
		asked = o
		return r.Trust(o)
	}
	_, err := world.Create(r.ToolCreation(2))
	rig.OK(t, err)
	rig.OK(t, r.Untrust(asked.ID))
	r.People.Paper = r.Paper(t)
	r.Refused(
		t,
		quorum(r, nothing),
		exitcode.Check,
		`token "test world" (serial SERIAL) does not trust KM (byok-km-MODULE-1): its crypto officer has never trusted it, or has taken `+
			"that back",
		"ask the officer why; if it is to go on, have that one object trusted again with the vendor's tool",
	)
	if _, err := r.Rows(t); exitcode.Of(err) != exitcode.Check {
		t.Errorf("world check: %v", err)
	}
	rig.OK(t, r.Trust(asked))
	rig.OK(t, quorum(r, nothing))
}

// TestToolRefused: what guard trust-by-tool needs of a module and its token.
func TestToolRefused(t *testing.T) {
	for _, c := range []struct {
		name       string
		env        map[string]string
		change     func(o *world.Creation)
		code       exitcode.Code
		text, hint string
	}{
		{"in two steps", map[string]string{"SHIM_RSA_AES": ""}, func(*world.Creation) {}, exitcode.Refused,
			"guard trust-by-tool needs CKM_RSA_AES_KEY_WRAP, which token \"test world\" (serial SERIAL) does not offer",
			"byok-offline module check shows which guard the module reaches"},
		{"no such token", nil, func(o *world.Creation) { o.Label = "another" }, exitcode.Usage,
			`there is no initialised token labelled "another"`,
			"byok-offline module list shows the tokens; name one with --label"},
		{"initialised by us", nil, func(o *world.Creation) { o.Choice.Initialize = true }, exitcode.Usage,
			"guard trust-by-tool: the vendor's tool initialises the token", "leave --initialize out"},
		{"another guard", nil, func(o *world.Creation) { o.Guard = "hope" }, exitcode.Usage,
			`--guard hope: expected one of [trust trust-by-tool login login-shared]`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.NewTool(t, 2)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			o := r.ToolCreation(2)
			c.change(&o)
			_, err := world.Create(o)
			r.Refused(t, err, c.code, c.text, c.hint)
		})
	}
}

// TestWeakerIsNamed: without a guard that was asked for the creation stops at a
// module that does not reach trust, names what to ask for, and goes on with the
// same cards once it is asked for.
func TestWeakerIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		hint string
	}{
		{"nobody trusts", map[string]string{"SHIM_PROFILE": "luna"}, "--guard login, where no one else may log in"},
		{
			"nobody trusts, in one call", map[string]string{"SHIM_PROFILE": "luna", "SHIM_RSA_AES": "1"},
			"--guard trust-by-tool, where the vendor's tool trusts a key, or --guard login, where no one else may log in",
		},
		{"anybody trusts", map[string]string{"SHIM_TRUST": "C_CreateObject"}, "--guard login, where no one else may log in"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.New(t, 2)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			_, err := world.Create(r.Creation(2))
			if want := "the module does not reach guard trust; ask for a weaker one by its name: " + c.hint; err == nil ||
				exitcode.Of(err) != exitcode.HSM ||
				exitcode.HintOf(err) != want {
				t.Fatalf("%v (status %d)\nhint %s\nwant %s", err, exitcode.Of(err), exitcode.HintOf(err), want)
			}
			named := r.Creation(2)
			named.Guard = statement.GuardTrust
			if _, err := world.Create(named); err == nil || strings.Contains(exitcode.HintOf(err), "--guard") {
				t.Errorf("a guard that was asked for: %v (hint: %s)", err, exitcode.HintOf(err))
			}
			chain, err := world.Create(r.LoginCreation(2, statement.GuardLogin))
			rig.OK(t, err)
			if chain.World().Guard != statement.GuardLogin || chain.Modules()[0].Guard != statement.GuardLogin {
				t.Errorf("%s, %s", chain.World().Guard, chain.Modules()[0].Guard)
			}
			r.Whole(t)
		})
	}
}

// TestVendorQuorum is stated, and stays with the module.
func TestVendorQuorum(t *testing.T) {
	r := rig.New(t, 3)
	o := r.Creation(2)
	o.VendorQuorum = "PED, 2 of 3, stated by Olga"
	chain, err := world.Create(o)
	rig.OK(t, err)
	p, old := replacement(t, r)
	rig.OK(t, replace(r, p, old))
	for _, m := range []*statement.Module{chain.Modules()[0], r.Chain(t).Modules()[0]} {
		if m.VendorQuorum != o.VendorQuorum || m.Guard != statement.GuardTrust {
			t.Errorf("%+v", m)
		}
	}
}
