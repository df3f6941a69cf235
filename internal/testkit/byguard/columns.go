package byguard

import (
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/secret"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// Column is a guard on one module, and what somebody there has who is no card
// holder.
type Column struct {
	Guard  statement.Guard
	Module string // what is played
	Has    string // in words
	Leaves string // what the guard does not keep from people, in words; "" for nothing

	pin     string            // the user PIN that somebody knows, "" for none
	officer string            // the SO PIN that somebody knows, "" for none
	rights  bool              // there are token objects alone, and keys that wrap are made in YubiHSM's form
	env     map[string]string // of the shim
	make    func(t testing.TB, r *rig.Rig, k int) world.Creation
}

// oldSOPIN is the SO PIN of a token before it was adopted.
const oldSOPIN = "so-pin-of-the-maker"

// Columns lists the guards, strongest first.
func Columns() []*Column {
	return []*Column{
		{
			Guard: statement.GuardTrust, Module: "SoftHSM", Has: "the user PIN",
			pin: rig.UserPIN, make: onFree,
		},
		{
			Guard: statement.GuardTrust, Module: "nShield", Has: "the user PIN",
			pin: rig.UserPIN, make: onFree,
			env: map[string]string{"SHIM_PROFILE": "nshield", "SHIM_PRELOAD": "1", "SHIM_SAM": "tokenkeys"},
		},
		{
			Guard: statement.GuardTrustShared, Module: "SoftHSM, which keeps its SO PIN", Has: "the user PIN, and the SO PIN",
			Leaves: "everyone who ever knew the SO PIN can export",
			pin:    rig.UserPIN, officer: oldSOPIN, make: onAdopted,
			env: map[string]string{"SHIM_DO": "fail=0x54", "SHIM_AT": "C_SetPIN+"},
		},
		{
			Guard: statement.GuardTrustByTool, Module: "AWS CloudHSM", Has: "the user PIN; with the officer, the vendor's tool",
			Leaves: "the crypto officer and the operator together can export",
			pin:    rig.ToolPIN, make: byTool,
		},
		{
			Guard: statement.GuardTrustByTool, Module: "Azure Cloud HSM",
			Has:    "the user PIN; with the officer, the vendor's tool",
			Leaves: "the crypto officer and the operator together can export",
			pin:    rig.ToolPIN, make: byTool, env: map[string]string{"SHIM_PROFILE": "azure"},
		},
		{
			Guard: statement.GuardLogin, Module: "Luna", Has: "the library",
			make: byLogin, env: map[string]string{"SHIM_PROFILE": "luna"},
		},
		{
			Guard: statement.GuardLogin, Module: "YubiHSM 2, rights per login", Has: "the operator's PIN",
			Leaves: "everyone who knew the quorum's password when it was made can export",
			pin:    rig.OperatorPIN, make: byRights, rights: true,
			env: map[string]string{"SHIM_FIXED_RSA": ""},
		},
		{
			Guard: statement.GuardLoginShared, Module: "Luna", Has: "the user PIN, which a person typed",
			Leaves: "everyone who ever knew the user PIN can export",
			pin:    rig.UserPIN, make: byTypedLogin, env: map[string]string{"SHIM_PROFILE": "luna"},
		},
	}
}

// onFree takes a free token.
func onFree(_ testing.TB, r *rig.Rig, k int) world.Creation { return r.Creation(k) }

// onAdopted takes a token that somebody else initialised.
func onAdopted(t testing.TB, r *rig.Rig, k int) world.Creation {
	r.InitTokenWith(t, r.Label, oldSOPIN, rig.UserPIN)
	o := r.Creation(k)
	o.Choice = world.TokenChoice{
		Adopt: true,
		SOPIN: func(hsm.Token) (*secret.Bytes, error) { return rig.Secret(oldSOPIN), nil },
	}
	return o
}

// byTool has the officer trust KM.
func byTool(t testing.TB, r *rig.Rig, k int) world.Creation {
	r.People.PIN = rig.ToolPIN
	r.InitToken(t, r.Label, rig.ToolPIN)
	r.Tool(t)
	return r.ToolCreation(k)
}

func byLogin(_ testing.TB, r *rig.Rig, k int) world.Creation {
	return r.LoginCreation(k, statement.GuardLogin)
}

// byRights has two logins, of which the operator's exports nothing.
func byRights(t testing.TB, r *rig.Rig, k int) world.Creation {
	r.Rights(t)
	return r.RightsCreation(k)
}

func byTypedLogin(t testing.TB, r *rig.Rig, k int) world.Creation {
	r.InitToken(t, r.Label, rig.UserPIN)
	return r.LoginCreation(k, statement.GuardLoginShared)
}

// idents are the keys of the world.
func idents() []string { return []string{"ec", "aes"} }

// world makes a world of three cards with the guard, and two keys before the
// quorum.
func (c *Column) world(t testing.TB) *rig.Rig {
	t.Helper()
	r := rig.New(t, 3)
	order := c.make(t, r, 2)
	for name, value := range c.env {
		t.Setenv(name, value)
	}
	order.Access = r.Access()
	chain, err := world.Create(order)
	rig.OK(t, err)
	if got := chain.Modules()[0].Guard; got != c.Guard {
		t.Fatalf("guard %s, and not %s", got, c.Guard)
	}
	r.People.Paper = r.Paper(t)
	for ident, kind := range map[string]string{"ec": "P-256", "aes": "AES-256"} {
		rig.OK(t, c.quorum(r, func(s keys.Quorum) error {
			_, err := s.Generate(keys.Generation{Ident: ident, Spec: hsm.Spec{Kind: rig.Kind(t, kind)}})
			return err
		}))
	}
	return r
}

// said is an error as the page shows it.
func said(r *rig.Rig, err error) string {
	if err == nil {
		return done
	}
	return r.Plain(err.Error()) + statusOf(exitcode.Of(err))
}
