package keys_test

import (
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/session"
	"byok/internal/testkit/rig"
	"byok/internal/twologins"
	"byok/internal/world"
)

// generated makes a key of a kind before the quorum.
func generated(t *testing.T, r *rig.Rig, ident, kind string) error {
	t.Helper()
	return r.Quorum(func(s *session.Quorum) error {
		_, err := keys.Quorum{Quorum: s}.Generate(keys.Generation{Ident: ident, Spec: hsm.Spec{Kind: rig.Kind(t, kind)}})
		return err
	})
}

// TestRightsOperator: the operator's login makes a key, but exports none.
func TestRightsOperator(t *testing.T) {
	r := rig.NewRightsWorld(t)
	rig.OK(t, generated(t, r, "k", "P-256"))
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		_, err := keys.Operator{Operator: o}.Generate(keys.Generation{Ident: "l", Spec: hsm.Spec{Kind: rig.Kind(t, "P-256")}})
		r.Refused(t, err, exitcode.Refused,
			`the operator's login on token "test world" (serial SERIAL) exports nothing, so it backs no key up`,
			"byok-offline key generate --ident l --card DIR …")
		return twologins.Refused(o.User.Session)
	}))
	r.Attack(t, r.Label, rig.OperatorPIN, func(a *rig.Attacker) {
		outer := []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA),
			pkcs11.NewAttribute(pkcs11.CKA_WRAP, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, "mine"),
			pkcs11.NewAttribute(pkcs11.CKA_ID, "mine"), pkcs11.NewAttribute(pkcs11.CKA_VALUE, make([]byte, 256)),
		}
		if _, err := a.CreateObject(a.Handle, outer); err != pkcs11.Error(pkcs11.CKR_FUNCTION_REJECTED) {
			t.Errorf("a public wrap key: %v", err)
		}
		key := a.One("key_simple_k", pkcs11.CKO_PRIVATE_KEY)
		mech := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_WRAP_PAD, nil)}
		if _, err := a.WrapKey(a.Handle, mech, key, key); err != pkcs11.Error(pkcs11.CKR_FUNCTION_REJECTED) {
			t.Errorf("an export: %v", err)
		}
	})
}

// TestRightsLabels: labels are the operator's to change, and a key is known by its
// public half: what was exchanged is named, and goes nowhere.
func TestRightsLabels(t *testing.T) {
	r := rig.NewRightsWorld(t)
	rig.OK(t, generated(t, r, "one", "P-256"))
	rig.OK(t, generated(t, r, "two", "P-256"))
	r.Attack(t, r.Label, rig.OperatorPIN, func(a *rig.Attacker) {
		a.Relabel("key_simple_one", "away")
		a.Relabel("key_simple_two", "key_simple_one")
		a.Relabel("away", "key_simple_two")
	})
	const other = " is not the key that its public key describes"
	r.Finds(t, "key_simple_one", `FAIL: key_simple_one on token "test world" (serial SERIAL)`+other)
	r.Finds(t, "key_simple_two", `FAIL: key_simple_two on token "test world" (serial SERIAL)`+other)
	r.Finds(t, "guard", "pass: login, with rights per login: every restriction that it rests on holds")
	kml := "byok-kml-" + r.Chain(t).Modules()[0].Module
	r.Attack(t, r.Label, rig.OperatorPIN, func(a *rig.Attacker) { a.Relabel(kml, "away") })
	r.Refused(t, r.Quorum(func(*session.Quorum) error { return nil }), exitcode.HSM,
		`byok-kml-MODULE is not on the token "test world" (serial SERIAL)`, "")
}

// TestRightsPlanted: a key of known value under the label of the world's is named.
func TestRightsPlanted(t *testing.T) {
	r := rig.NewRightsWorld(t)
	rig.OK(t, generated(t, r, "aes", "AES-256"))
	r.Attack(t, r.Label, rig.OperatorPIN, func(a *rig.Attacker) {
		a.Relabel("key_simple_aes", "away")
		a.Secret("key_simple_aes", make([]byte, 32))
	})
	r.Finds(t, "key_simple_aes",
		`FAIL: key_simple_aes on token "test world" (serial SERIAL) is not the key that its check value describes`)
}

// TestRightsCutShort: what a session leaves that is cut short goes with the next one.
func TestRightsCutShort(t *testing.T) {
	for _, at := range []string{"C_WrapKey", "C_UnwrapKey", "C_DestroyObject+"} {
		t.Run(at, func(t *testing.T) {
			r := rig.NewRightsWorld(t)
			t.Setenv("SHIM_DO", "fail=0x30")
			t.Setenv("SHIM_AT", at)
			if err := generated(t, r, "k", "AES-256"); exitcode.Of(err) != exitcode.HSM {
				t.Errorf("%v", err)
			}
			t.Setenv("SHIM_AT", "")
			rig.OK(t, generated(t, r, "k", "AES-256"))
			r.Whole(t)
		})
	}
}

// TestRightsRestore: a key comes back from its backup by one call, and new cards hold
// the quorum's PIN.
func TestRightsRestore(t *testing.T) {
	r := rig.NewRightsWorld(t)
	for ident, kind := range map[string]string{"ec": "P-256", "rsa": "RSA-2048", "aes": "AES-256"} {
		rig.OK(t, generated(t, r, ident, kind))
	}
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		for _, ident := range []string{"ec", "rsa", "aes"} {
			if _, err := (keys.Operator{Operator: o}).Retire(ident); err != nil {
				return err
			}
		}
		return nil
	}))
	old := r.NewCards(t, 3)
	station, err := r.Connect()
	rig.OK(t, err)
	defer station.Close()
	s, err := session.Begin(r.Access(), station, old[:2])
	rig.OK(t, err)
	defer s.Close()
	list, err := keys.Restorables(s.Chain, []string{"ec", "rsa", "aes"})
	rig.OK(t, err)
	rig.OK(t, keys.Quorum{Quorum: s}.Restore(list))
	rig.OK(t, world.Quorum{Quorum: s}.ReplaceCards(world.Replacement{
		CardOrder: r.Order(2), NewUI: r.People, Old: old[:2], OldUI: r.People,
	}))
	s.Close()
	station.Close()
	r.Whole(t)
	rig.OK(t, generated(t, r, "more", "P-256"))
}
