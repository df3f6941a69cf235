package trust

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/shim"
	"byok/internal/hsm/templates"
	"byok/internal/testkit/softhsm"
)

// officer is an SO's session on a token behind the shim.
type officer struct {
	Maker
	route Route
	key   *rsa.PublicKey
}

func newOfficer(t *testing.T) *officer {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	p, _, h := softhsm.Session(t, shim.Build(t))
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	o := &officer{key: &key.PublicKey}
	s := &p11.Session{Ctx: p, Handle: h, Token: name("the token"), Omitted: map[string][]uint{}}
	o.Maker = Maker{Session: s, Route: &o.route}
	return o
}

type name string

func (n name) String() string { return string(n) }

func (o *officer) rsa() (p11.Object, error) {
	w := Wanted{"KM", "km", templates.TrustedRSA(p11.TokenObject), pkcs11.CKM_RSA_PKCS_OAEP}
	return o.RSA(w, o.key)
}

func (o *officer) aes() (p11.Object, error) {
	return o.AES(Wanted{"the transfer key", "transfer", templates.TransferKey(), pkcs11.CKM_AES_KEY_WRAP_PAD})
}

// TestRoutes: a key shows all that it should whichever way the module has, and
// nothing else is left of the others.
func TestRoutes(t *testing.T) {
	for _, c := range []struct {
		name, later string
		want        Route
	}{
		{"in the template", "", AtCreation},
		{"set on what is frozen", "1", Afterwards},
		{"set, then frozen by a copy", "modifiable", Afterwards},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOfficer(t)
			t.Setenv("SHIM_TRUST_LATER", c.later)
			for range 2 { // the second begins with what has worked
				for _, make := range []func() (p11.Object, error){o.rsa, o.aes} {
					made, err := make()
					if err != nil {
						t.Fatal(err)
					}
					if err := o.Session.Destroy("it", made); err != nil {
						t.Error(err)
					}
				}
				if o.route != c.want {
					t.Errorf("route %q, want %q", o.route, c.want)
				}
			}
			if left, err := o.Session.Find(); err != nil || len(left) > 0 {
				t.Errorf("%d objects are left: %v", len(left), err)
			}
		})
	}
}

// TestRefused: the error is the first route's, and nothing is left.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		set  map[string]string
		make func(*officer) (p11.Object, error)
		text string
	}{
		{
			"no route", map[string]string{"SHIM_UNKNOWN": "0x86"}, (*officer).rsa,
			"C_CreateObject of KM as a trusted key: CKR_ATTRIBUTE_TYPE_INVALID",
		},
		{
			"a lost device", map[string]string{"SHIM_AT": "C_GenerateKey+", "SHIM_DO": "fail=0x30"}, (*officer).aes,
			"C_GenerateKey of the transfer key as a trusted key: CKR_DEVICE_ERROR",
		},
		{
			"trusted afterwards, and not copied",
			map[string]string{"SHIM_TRUST_LATER": "modifiable", "SHIM_AT": "C_CopyObject+", "SHIM_DO": "fail=0x54"},
			(*officer).aes, "C_GenerateKey of the transfer key as a trusted key: CKR_ATTRIBUTE_VALUE_INVALID",
		},
		{
			"another modulus", map[string]string{"SHIM_WEAK": "public-key"}, (*officer).rsa,
			"the token shows another public key for KM than it was given",
		},
		{
			"nothing is shown", map[string]string{"SHIM_AT": "C_GetAttributeValue+", "SHIM_DO": "fail=0x30"}, (*officer).rsa,
			"reading the attributes of KM: C_GetAttributeValue: CKR_DEVICE_ERROR",
		},
		{
			"trusted in its template alone", map[string]string{"SHIM_REPORT": "0x86=0"}, (*officer).aes,
			"the token shows CKA_TRUSTED=false on the transfer key instead of true (only a quorum can log in as " +
				"SO and so trust a key)",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOfficer(t)
			for key, value := range c.set {
				t.Setenv(key, value)
			}
			_, err := c.make(o)
			if fmt.Sprint(err) != c.text || exitcode.Of(err) != exitcode.HSM {
				t.Errorf("got %v (%d)\nwant %s", err, exitcode.Of(err), c.text)
			}
			for key := range c.set {
				t.Setenv(key, "")
			}
			if left, err := o.Session.Find(); err != nil || len(left) > 0 {
				t.Errorf("%d objects are left: %v", len(left), err)
			}
		})
	}
}
