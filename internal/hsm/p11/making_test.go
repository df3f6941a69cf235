package p11

import (
	"slices"
	"testing"

	"github.com/miekg/pkcs11"
)

// making generates an AES key with two optional attributes and a mechanism.
func making(s *Session) Making {
	return Making{
		Call:      "C_GenerateKey of a key",
		Object:    "a key",
		Template:  aes(Has(Copyable, false, "optional"), Has(pkcs11.CKA_DERIVE, false, "optional here")),
		Mechanism: pkcs11.CKM_AES_ECB,
		MayOmit:   []uint{pkcs11.CKA_DERIVE},
		Make: func(t []*pkcs11.Attribute) (Object, error) {
			return s.Generate(pkcs11.CKM_AES_KEY_GEN, append(t, pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 16)))
		},
	}
}

// TestMade leaves out as little as will do.
func TestMade(t *testing.T) {
	for _, c := range []struct {
		name, unknown string
		leftOut       []string
	}{
		{"all known", "", nil},
		{"COPYABLE unknown", "0x171", []string{"COPYABLE of a key"}},
		{"ALLOWED_MECHANISMS unknown", "0x40000600", []string{"ALLOWED_MECHANISMS of a key"}},
		{"two unknown", "0x171,0x10C", []string{"COPYABLE of a key", "DERIVE of a key"}},
		{"all unknown", "0x171,0x10C,0x40000600", []string{
			"ALLOWED_MECHANISMS of a key", "COPYABLE of a key", "DERIVE of a key",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			t.Setenv("SHIM_UNKNOWN", c.unknown)
			must[Object](t)(s.Made(making(s)))
			if got := s.LeftOut(); !slices.Equal(got, c.leftOut) {
				t.Errorf("left out %q", got)
			}
		})
	}
}

// TestMadeRemembers: what was left out once is left out first, and what a new
// session leaves out is in its own record.
func TestMadeRemembers(t *testing.T) {
	s := open(t)
	t.Setenv("SHIM_UNKNOWN", "0x171,0x10C")
	must[Object](t)(s.Made(making(s)))
	again, calls := &Session{Ctx: s.Ctx, Handle: s.Handle, Token: s.Token, Omitted: s.Omitted}, 0
	m := making(again)
	inner := m.Make
	m.Make = func(t []*pkcs11.Attribute) (Object, error) {
		calls++
		return inner(t)
	}
	must[Object](t)(again.Made(m))
	if calls != 1 || len(again.LeftOut()) != 2 {
		t.Errorf("%d calls; left out %q", calls, again.LeftOut())
	}
}

// TestMadeFails with what the whole template got, and stops where leaving out
// does not help.
func TestMadeFails(t *testing.T) {
	s := open(t)
	m := making(s)
	t.Setenv("SHIM_UNKNOWN", "0x104") // ENCRYPT is not optional
	_, err := s.Made(m)
	expect(t, err, "C_GenerateKey of a key: CKR_ATTRIBUTE_TYPE_INVALID")
	t.Setenv("SHIM_UNKNOWN", "0x171")
	fails(t, s, "C_GenerateKey", 2, pkcs11.CKR_DEVICE_ERROR)
	_, err = s.Made(m)
	expect(t, err, "C_GenerateKey of a key: CKR_ATTRIBUTE_TYPE_INVALID")
	fails(t, s, "C_GenerateKey", 1, pkcs11.CKR_DEVICE_REMOVED)
	_, err = s.Made(m)
	expect(t, err, "C_GenerateKey of a key: CKR_DEVICE_REMOVED")
	if len(s.LeftOut()) != 0 {
		t.Errorf("left out %q", s.LeftOut())
	}
	m.Mechanism = NoMechanism
	t.Setenv("SHIM_AT", "")
	t.Setenv("SHIM_UNKNOWN", "0x40000600")
	must[Object](t)(s.Made(m))
}
