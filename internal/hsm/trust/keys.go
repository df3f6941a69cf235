package trust

import (
	"crypto/rsa"
	"math/big"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/keywrap"
)

// Wanted is what a trusted key is to be.
type Wanted struct {
	Name      string       // in messages, such as "KM"
	Label     string       // on the token
	Template  p11.Template // with TRUSTED
	Mechanism uint         // the one that it is used with, or p11.NoMechanism
}

// AES generates a trusted AES-256 key and reads its attributes back.
func (m Maker) AES(w Wanted) (p11.Object, error) {
	w.Template = m.template(w.Template)
	o, err := m.Make(Key{w, "C_GenerateKey", func(t []*pkcs11.Attribute) (p11.Object, error) {
		size := pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32)
		return m.Session.Generate(pkcs11.CKM_AES_KEY_GEN, append([]*pkcs11.Attribute{size}, t...))
	}})
	if err != nil {
		return 0, err
	}
	return m.Session.Checked(o, m.Session.Shows(o, w.Name, w.Template))
}

// RSA makes a trusted RSA public key of a value, and reads its attributes,
// modulus and exponent back by handle.
func (m Maker) RSA(w Wanted, key *rsa.PublicKey) (p11.Object, error) {
	w.Template = m.template(w.Template)
	o, err := m.Make(Key{w, "C_CreateObject", func(t []*pkcs11.Attribute) (p11.Object, error) {
		return m.Session.Create(append(p11.RSAPublic(key), t...))
	}})
	if err != nil {
		return 0, err
	}
	material, err := m.Session.ShowsWith(o, w.Name, w.Template, pkcs11.CKA_MODULUS, pkcs11.CKA_PUBLIC_EXPONENT)
	if err != nil {
		return m.Session.Checked(o, err)
	}
	return m.Session.Checked(o, Same(m.Session, w.Name, key, material))
}

// template is what is asked for, without trust where there is none.
func (m Maker) template(t p11.Template) p11.Template {
	if m.Plain {
		return t.Without(pkcs11.CKA_TRUSTED, pkcs11.CKA_WRAP_WITH_TRUSTED)
	}
	return t
}

// Same compares a modulus and an exponent, as the token gives them back, with
// those of key.
func Same(s *p11.Session, name string, key *rsa.PublicKey, material [][]byte) error {
	n, e := new(big.Int).SetBytes(material[0]), new(big.Int).SetBytes(material[1])
	if n.Cmp(key.N) != 0 || e.Cmp(big.NewInt(int64(key.E))) != 0 {
		return exitcode.Errorf(exitcode.HSM, "%v shows another public key for %s than it was given", s.Token, name)
	}
	return nil
}

// Outer is the one mechanism that KM and a KEK are used with.
func Outer(f keywrap.Form) uint {
	if f == keywrap.OneCall {
		return pkcs11.CKM_RSA_AES_KEY_WRAP
	}
	return pkcs11.CKM_RSA_PKCS_OAEP
}
