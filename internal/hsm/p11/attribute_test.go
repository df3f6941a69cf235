package p11

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"
)

// TestAttributes reads a template in one call, and one by one where the module
// does not know a part of it.
func TestAttributes(t *testing.T) {
	s := open(t)
	o := generate(t, s, "a", Has(pkcs11.CKA_SENSITIVE, true, "hides the value"))
	types := []uint{pkcs11.CKA_LABEL, pkcs11.CKA_ENCRYPT, pkcs11.CKA_VALUE_LEN}
	for _, c := range []struct {
		name, unknown string
		want          string // label, ENCRYPT, length in bytes
	}{
		{"all known", "", "a true 16"},
		{"ENCRYPT unknown", "0x104", "a false 16"},
		{"length unknown", "0x161", "a true 0"},
	} {
		t.Setenv("SHIM_UNKNOWN", c.unknown)
		v := must[[][]byte](t)(s.Attributes(o, types...))
		if got := show(v); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	t.Setenv("SHIM_UNKNOWN", "")
	if v := must[[][]byte](t)(s.Attributes(o, pkcs11.CKA_VALUE, pkcs11.CKA_LABEL)); v[0] != nil || string(v[1]) != "a" {
		t.Errorf("a value that is not revealed: %x", v)
	}
}

func show(v [][]byte) string {
	text := string(v[0]) + " false"
	if Truth(v[1]) {
		text = string(v[0]) + " true"
	}
	return text + map[uint]string{0: " 0", 16: " 16"}[ULong(v[2])]
}

func TestAttributesFail(t *testing.T) {
	s := open(t)
	o := generate(t, s, "a")
	for n := range 2 { // the call as a whole, and the call for one alone
		t.Setenv("SHIM_UNKNOWN", strings.Repeat("0x104", n))
		fails(t, s, "C_GetAttributeValue", n+1, pkcs11.CKR_DEVICE_ERROR)
		_, err := s.Attributes(o, pkcs11.CKA_ENCRYPT, pkcs11.CKA_SIGN)
		if n == 1 {
			fails(t, s, "C_GetAttributeValue", 3, pkcs11.CKR_DEVICE_ERROR)
			_, err = s.Attributes(o, pkcs11.CKA_ENCRYPT, pkcs11.CKA_SIGN)
		}
		expect(t, err, "C_GetAttributeValue: CKR_DEVICE_ERROR")
	}
	fails(t, s, "C_GetAttributeValue", 1, pkcs11.CKR_DEVICE_ERROR)
	t.Setenv("SHIM_UNKNOWN", "")
	_, err := s.Flag(o, pkcs11.CKA_SIGN)
	expect(t, err, "C_GetAttributeValue: CKR_DEVICE_ERROR")
	fails(t, s, "C_GetAttributeValue", 1, pkcs11.CKR_DEVICE_ERROR)
	expect(t, s.Shows(o, "it", aes()), "reading the attributes of it: C_GetAttributeValue: CKR_DEVICE_ERROR")
}

func TestFlag(t *testing.T) {
	s := open(t)
	o := generate(t, s, "a")
	for _, c := range []struct {
		attribute uint
		want      bool
	}{{pkcs11.CKA_ENCRYPT, true}, {pkcs11.CKA_TOKEN, false}, {pkcs11.CKA_SIGN_RECOVER, false}} {
		if got := must[bool](t)(s.Flag(o, c.attribute)); got != c.want {
			t.Errorf("CKA_%s is %t", Name(c.attribute), got)
		}
	}
}

func TestShows(t *testing.T) {
	s := open(t)
	o := generate(t, s, "a")
	ok(t, s.Shows(o, "it", aes(Has(Copyable, false, "is not compared"))))
	expect(t, s.Shows(o, "it", aes(Has(pkcs11.CKA_ENCRYPT, false, "must not encrypt"))),
		"the token shows CKA_ENCRYPT=true on it instead of false (must not encrypt)")
}

// TestTruths names what is true, sorted.
func TestTruths(t *testing.T) {
	types := []uint{pkcs11.CKA_SIGN, pkcs11.CKA_DECRYPT, pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_DERIVE}
	values := [][]byte{{1}, {1}, nil, {0}}
	if got := Truths(types, values); !slices.Equal(got, []string{"DECRYPT", "SIGN"}) {
		t.Errorf("%q", got)
	}
}
