package adoption_test

import (
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/adoption"
	"byok/internal/session"
	"byok/internal/testkit/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// TestOthers: what holds no secret is listed, and no key.
func TestOthers(t *testing.T) {
	r := rig.NewWorld(t)
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		a.Pair("mine", 1)
		_, err := a.CreateObject(a.Handle, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_CERTIFICATE), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
			pkcs11.NewAttribute(pkcs11.CKA_CERTIFICATE_TYPE, pkcs11.CKC_X_509), pkcs11.NewAttribute(pkcs11.CKA_LABEL, "root"),
			pkcs11.NewAttribute(pkcs11.CKA_SUBJECT, "s"), pkcs11.NewAttribute(pkcs11.CKA_VALUE, "v"),
		})
		rig.OK(t, err)
	})
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		others, err := adoption.Others(o.User.Session)
		if !slices.Equal(others, []string{`certificate "root"`}) {
			t.Errorf("%q", others)
		}
		return err
	}))
}
