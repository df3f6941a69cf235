package p11

import (
	"crypto/rsa"
	"math/big"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"
)

// values are the types and values of a template in their order.
func values(t Template) (list []uint) {
	for _, a := range t {
		value := a.Type << 1
		if a.Value {
			value++
		}
		list = append(list, value)
	}
	return list
}

func TestTemplate(t *testing.T) {
	base := Template{Has(1, true, ""), Stays(2, false, ""), Has(3, true, "")}
	for _, c := range []struct {
		name string
		got  Template
		want []uint
	}{
		{"as it is", base, []uint{3, 4, 7}},
		{"with another value", base.With(Has(2, true, "")), []uint{3, 5, 7}},
		{"with one more", base.With(Has(9, true, "")), []uint{3, 4, 7, 19}},
		{"without one", base.Without(1), []uint{4, 7}},
		{"only one", base.Only(3, 9), []uint{7}},
	} {
		if got := values(c.got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if !base[1].Frozen || base[0].Frozen || Has(pkcs11.CKA_WRAP, true, "").Name() != "WRAP" {
		t.Errorf("%+v", base)
	}
	if o := base[0].Opposite(); o[0].Type != 1 || o[0].Value[0] != 0 {
		t.Errorf("opposite %+v", o[0])
	}
}

// TestRaw: what stands before a template is applied first.
// TestLimits: what is tightened after an unwrapping adds no use.
func TestLimits(t *testing.T) {
	all := Template{
		Has(pkcs11.CKA_TOKEN, false, ""), Has(pkcs11.CKA_PRIVATE, true, ""), Has(pkcs11.CKA_EXTRACTABLE, false, ""),
		Has(Copyable, false, ""), Stays(pkcs11.CKA_SENSITIVE, true, ""), Has(pkcs11.CKA_SIGN, true, ""),
		Has(pkcs11.CKA_UNWRAP, false, ""), Stays(pkcs11.CKA_DERIVE, false, ""),
	}
	want := []uint{pkcs11.CKA_SENSITIVE, pkcs11.CKA_UNWRAP, pkcs11.CKA_DERIVE}
	if got := all.Limits().Types(); !slices.Equal(got, want) {
		t.Errorf("%x", got)
	}
	if len(all) != 8 {
		t.Error("the template itself was changed")
	}
}

func TestRaw(t *testing.T) {
	raw := Template{Has(pkcs11.CKA_MODIFIABLE, false, "")}.Raw(Naming("label", []byte("id"))...)
	var types []uint
	for _, a := range raw {
		types = append(types, a.Type)
	}
	if !slices.Equal(types, []uint{pkcs11.CKA_LABEL, pkcs11.CKA_ID, pkcs11.CKA_MODIFIABLE}) {
		t.Errorf("order %x", types)
	}
}

func TestRSAPublic(t *testing.T) {
	s := open(t)
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(append([]byte{0xff}, Random(255)...)), E: 65537}
	o := must[Object](t)(s.Create(Template{Has(pkcs11.CKA_TOKEN, false, "")}.Raw(RSAPublic(key)...)))
	v := must[[][]byte](t)(s.Attributes(o, pkcs11.CKA_MODULUS, pkcs11.CKA_PUBLIC_EXPONENT))
	if new(big.Int).SetBytes(v[0]).Cmp(key.N) != 0 || !slices.Equal(v[1], []byte{1, 0, 1}) {
		t.Errorf("%x", v)
	}
}
