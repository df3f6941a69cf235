package session_test

import (
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

const foreignHint = "stop: each could wrap any key of this world; byok-offline world check shows more"

// trusting makes an object trusted, as the SO alone can.
func trusting(t *testing.T, r *rig.Rig, f func(a *rig.Attacker)) {
	t.Helper()
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		return s.AsSO(func() error {
			r.Attack(t, r.Label, "", f)
			return nil
		})
	}))
}

var isTrusted = pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true)

// TestForeignTrusted: one trusted object more, of whatever kind, and nothing
// begins: it could wrap every key.
func TestForeignTrusted(t *testing.T) {
	km := func(r *rig.Rig) string { return statement.KMLabel(r.Chain(t).Modules()[0].Module, 1) }
	for _, c := range []struct {
		name string
		make func(r *rig.Rig) func(a *rig.Attacker)
		what string
	}{
		{"AES key", func(*rig.Rig) func(*rig.Attacker) {
			return func(a *rig.Attacker) { a.Secret("evil", make([]byte, 32), isTrusted) }
		}, `trusted secret key "evil"`},
		{"AES key of KM's label", func(r *rig.Rig) func(*rig.Attacker) {
			label := km(r)
			return func(a *rig.Attacker) { a.Secret(label, make([]byte, 32), isTrusted) }
		}, `trusted secret key "byok-km-MODULE-1"`},
		{"AES key of an anchor's label", func(r *rig.Rig) func(*rig.Attacker) {
			label := session.Anchor{Number: 9, Sum: r.Chain(t).Last().Sum}.Label()
			return func(a *rig.Attacker) { a.Secret(label, make([]byte, 32), isTrusted) }
		}, `trusted secret key "byok-anchor-000009-SHA256"`},
		{"another RSA key of KM's label", func(r *rig.Rig) func(*rig.Attacker) {
			label, modulus := km(r), rig.NewKEK(t, "evil").Private.N.Bytes()
			return func(a *rig.Attacker) { trustRSA(a, label, modulus) }
		}, `trusted public key "byok-km-MODULE-1"`},
		{"another RSA key in KM's place", func(r *rig.Rig) func(*rig.Attacker) {
			label, modulus := km(r), rig.NewKEK(t, "evil").Private.N.Bytes()
			return func(a *rig.Attacker) {
				a.Remove(label)
				trustRSA(a, label, modulus)
			}
		}, `trusted public key "byok-km-MODULE-1"`},
		{"KM's own key under another label", func(r *rig.Rig) func(*rig.Attacker) {
			public, err := r.Chain(t).Set().KM.ModuleKey()
			rig.OK(t, err)
			return func(a *rig.Attacker) { trustRSA(a, "evil", public.N.Bytes()) }
		}, `trusted public key "evil"`},
		{"KM's own key, twice", func(r *rig.Rig) func(*rig.Attacker) {
			public, err := r.Chain(t).Set().KM.ModuleKey()
			rig.OK(t, err)
			label := km(r)
			return func(a *rig.Attacker) { trustRSA(a, label, public.N.Bytes()) }
		}, `trusted public key "byok-km-MODULE-1"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.NewWorld(t)
			trusting(t, r, c.make(r))
			text := `token "test world" (serial SERIAL) holds trusted objects that this world did not make: ` + c.what
			r.Refused(t, r.Quorum(nothing), exitcode.Check, text, foreignHint)
			r.Refused(t, r.Operator(func(o *session.Operator) error { return o.ExactlyTrusted() }),
				exitcode.Check, text, foreignHint)
		})
	}
}

func trustRSA(a *rig.Attacker, label string, modulus []byte) {
	_, err := a.CreateObject(a.Handle, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS, modulus), pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}),
		pkcs11.NewAttribute(pkcs11.CKA_WRAP, true), isTrusted,
	})
	rig.OK(a, err)
}

// TestLackingTrusted: the user can destroy a trusted key. A session begins, so
// that a card replacement can make it again; what needs the key is refused.
func TestLackingTrusted(t *testing.T) {
	r := rig.NewWorld(t)
	module := r.Chain(t).Modules()[0].Module
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		if n := a.Remove(statement.KMLabel(module, 1)) + a.Remove(statement.KWLabel(module, 1)); n != 2 {
			t.Errorf("%d keys removed", n)
		}
	})
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		r.Refused(t, s.AsUser(s.ExactlyTrusted), exitcode.Check,
			`token "test world" (serial SERIAL) lacks byok-km-MODULE-1, byok-kw-MODULE-1`,
			"byok-offline world replace-cards makes the trusted keys again; world check shows more")
		_, err := s.Backup(hsm.Key{})
		r.Refused(t, err, exitcode.HSM, `byok-km-MODULE-1 is not on the token "test world" (serial SERIAL)`, "")
		return nil
	}))
}

// TestNotFrozen: a trusted key that the user could change is none. Every
// session finds out.
func TestNotFrozen(t *testing.T) {
	r := rig.NewWorld(t)
	t.Setenv("SHIM_REPORT", "0x104=1") // every key says that it may encrypt
	err := r.Quorum(nothing)
	r.Refused(t, err, exitcode.HSM, `token "test world" (serial SERIAL) shows CKA_ENCRYPT=true on KM instead of false (for wrapping only)`, "")
}

// TestProveGuard says which trial failed, and keeps what held before.
func TestProveGuard(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Quorum(seal)) // there is an anchor
	prove := func() (rows []statement.Finding, err error) {
		rig.OK(t, r.Operator(func(o *session.Operator) error {
			m := o.Module
			rows, err = session.ProveGuard(o.User.Session, session.EquipmentOf(m, o.Chain.Set()))
			return nil
		}))
		return rows, err
	}
	rows, err := prove()
	rig.OK(t, err)
	if len(rows) != 5 || rows[3] != (statement.Finding{Name: "anchors are frozen", Outcome: "held"}) {
		t.Errorf("%v", rows)
	}
	t.Setenv("SHIM_TRUST", "C_CreateObject")
	rows, err = prove()
	if len(rows) != 0 || exitcode.Of(err) != exitcode.HSM {
		t.Errorf("%v %v", rows, err)
	}
	r.Refused(t, err, exitcode.HSM, `the user makes no trusted key: token "test world" (serial SERIAL) does not enforce `+
		"its restrictions: the user can make an AES key trusted with C_CreateObject, as a session object",
		"use another module: byok-offline module check says what this one lacks")
}

// TestUnreadableToken gives the token's errors on.
func TestUnreadableToken(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		return s.AsUser(func() error {
			t.Setenv("SHIM_DO", "fail=0x30")
			t.Setenv("SHIM_AT", "C_FindObjectsInit+")
			defer t.Setenv("SHIM_AT", "")
			r.Refused(t, s.ExactlyTrusted(), exitcode.HSM, "C_FindObjectsInit: CKR_DEVICE_ERROR", "")
			return nil
		})
	}))
}
