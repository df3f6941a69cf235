package session_test

import (
	"errors"
	"slices"
	"testing"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/keywrap"
	"byok/internal/officer"
	"byok/internal/pins"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// generated is the P-256 key "key", made before the quorum.
func generated(t *testing.T, r *rig.Rig) {
	t.Helper()
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		_, err := keys.Quorum{
			Quorum: s,
		}.Generate(
			keys.Generation{Ident: "key", Spec: hsm.Spec{Kind: rig.Kind(t, "P-256")}},
		)
		return err
	}))
}

// TestToolSession: KM is proved by what it wraps, a key goes to a vault by way of
// it, and what the token lacks is done otherwise.
func TestToolSession(t *testing.T) {
	r := rig.NewToolWorld(t)
	generated(t, r)
	k := rig.NewKEK(t, "KEK")
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		rig.OK(t, s.ExactlyTrusted())
		return s.AsUser(func() error {
			key, err := s.HSM.FindKey("key_simple_key")
			rig.OK(t, err)
			blob, err := s.WrapByKM(key, k.PublicKey())
			rig.OK(t, err)
			k.Open(t, blob)
			s.Module.Form = keywrap.TwoSteps
			_, err = s.WrapByKM(key, k.PublicKey())
			r.Refused(
				t,
				err,
				exitcode.Refused,
				"SoftHSM project SoftHSM v2, serial SERIAL wraps in two steps: guard trust-by-tool has no way to a vault there",
				"",
			)
			s.Module.Form = keywrap.OneCall
			t.Setenv("SHIM_DO", "fail=0x30")
			t.Setenv("SHIM_AT", "C_WrapKey+")
			_, err = s.WrapByKM(key, k.PublicKey())
			r.Refused(
				t,
				err,
				exitcode.HSM,
				"C_WrapKey of a worthless key with CKM_RSA_AES_KEY_WRAP: CKR_DEVICE_ERROR",
				"",
			)
			t.Setenv("SHIM_AT", "")
			return nil
		})
	}))
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		rows, err := session.ProveGuard(o.User.Session, session.EquipmentOf(o.Module, o.Chain.Set()))
		rig.OK(t, err)
		if len(rows) != 5 || rows[3].Outcome != "not answered" {
			t.Errorf("%+v", rows)
		}
		return nil
	}))
}

// TestToolTakenBack: a session does not begin on a token whose officer has taken
// the trust back, or trusts something else as well.
func TestToolTakenBack(t *testing.T) {
	r := rig.NewToolWorld(t)
	label := statement.KMLabel(r.Chain(t).Modules()[0].Module, 1)
	km := officer.Order{Object: officer.Object{ID: r.IDOf(t, label)}}
	rig.OK(t, r.Untrust(km.ID))
	const taken = `token "test world" (serial SERIAL) does not trust KM (byok-km-MODULE-1): its crypto officer has never trusted ` +
		"it, or has taken that back"
	const hint = "ask the officer why; if it is to go on, have that one object trusted again with the vendor's tool"
	r.Refused(t, r.Quorum(nothing), exitcode.Check, taken, hint)
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		r.Refused(t, o.ExactlyTrusted(), exitcode.Check, taken, hint)
		return nil
	}))
	rig.OK(t, r.Trust(km))
	rig.OK(t, r.Quorum(nothing))
	kml := officer.Order{Object: officer.Object{ID: r.IDOf(t, statement.KMLLabel(r.Chain(t).Modules()[0].Module))}}
	rig.OK(t, r.Trust(kml))
	r.Refused(
		t,
		r.Quorum(nothing),
		exitcode.Check,
		`token "test world" (serial SERIAL) holds trusted objects that this world did `+
			`not make: trusted private key "byok-kml-MODULE"; trusted public key "byok-kml-MODULE"`,
		"stop: each could wrap any key of this world; byok-offline world check shows more",
	)
}

// TestLoginSession: the cards hold both PINs, and wrapping keys live as long as
// the session.
func TestLoginSession(t *testing.T) {
	for _, rsaAES := range []string{"", "1"} {
		t.Setenv("SHIM_RSA_AES", rsaAES)
		r := rig.NewLoginWorld(t)
		generated(t, r)
		r.People.Refuse = func(question string) error {
			if question == "UserPIN" {
				return errors.New("somebody was asked for the user PIN")
			}
			return nil
		}
		rig.OK(t, r.Quorum(func(s *session.Quorum) error {
			for _, h := range []pins.Held{pins.SO, pins.User} {
				pin, err := s.Present(h)
				rig.OK(t, err)
				rig.OK(t, s.As(h.Role, pin, func() error { return nil }))
				pin.Wipe()
			}
			return s.ExactlyTrusted()
		}))
		rig.OK(t, r.Operator(func(o *session.Operator) error {
			if _, err := o.Sign([]byte("a manifest")); err != nil {
				return err
			}
			items, err := o.User.Inventory()
			rig.OK(t, err)
			trusted := func(i hsm.Item) bool { return i.Trusted }
			if len(items) != 4 || slices.ContainsFunc(items, trusted) || len(o.TrustedKeys()) != 0 {
				t.Errorf("%+v", items)
			}
			return nil
		}))
	}
}

// TestLoginOperator: K cards take the place of the user PIN.
func TestLoginOperator(t *testing.T) {
	r := rig.NewLoginWorld(t)
	station := connected(t, r)
	operator := func(folders []string) error {
		return session.WithOperator(
			r.Access(),
			station,
			cards.Folders(folders),
			func(*session.Operator) error { return nil },
		)
	}
	rig.OK(t, operator(r.Folders[:2]))
	r.Refused(t, operator(r.Folders[:1]), exitcode.Refused, "cards of set 1: 1 given, 2 needed",
		"give --card once for each of 2 cards")
	r.People.Passphrases[1] = "not it"
	if err := operator(r.Folders[:2]); err == nil {
		t.Error("a wrong passphrase")
	}
	r.People.Passphrases[1] = rig.Passphrase(1)
	t.Setenv("SHIM_DO", "fail=0xa4")
	t.Setenv("SHIM_AT", "C_Login+")
	err := operator(r.Folders[:2])
	t.Setenv("SHIM_AT", "")
	if hint := "byok-offline world reset-pin --card DIR … sets it again, where the cards hold the SO PIN"; err == nil ||
		exitcode.HintOf(err) != hint {
		t.Errorf("a locked PIN: %v (hint: %s)", err, exitcode.HintOf(err))
	}
}

// TestLoginWithoutUser: the PIN can be reset where it does not open.
func TestLoginWithoutUser(t *testing.T) {
	r := rig.NewLoginWorld(t)
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		return s.AsSO(func() error { return s.HSM.InitPIN(rig.Secret("changed")) })
	}))
	if err := r.Quorum(nothing); !hsm.IsWrongPIN(err) {
		t.Errorf("%v", err)
	}
	a := r.Access()
	a.WithoutUser = true
	rig.OK(t, r.With(a, r.Folders[:2], func(s *session.Quorum) error { return world.Quorum{Quorum: s}.ResetPIN(nil) }))
	rig.OK(t, r.Quorum(nothing))
}

// TestGuarding: what sessions do without, by guard.
func TestGuarding(t *testing.T) {
	want := map[statement.Guard]hsm.Guarding{
		statement.GuardTrust:       {},
		statement.GuardTrustShared: {},
		statement.GuardTrustByTool: {Untrusted: true},
		statement.GuardLogin:       {Untrusted: true, Unrestricted: true},
		statement.GuardLoginShared: {Untrusted: true, Unrestricted: true},
	}
	for _, g := range statement.Guards() {
		if got := session.Guarding(g.Traits()); got != want[g] {
			t.Errorf("%s: %+v", g, got)
		}
	}
}
