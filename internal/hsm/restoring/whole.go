package restoring

import (
	"crypto"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/publickey"
	"byok/internal/hsm/templates"
	"byok/internal/keykind"
)

// Name names what is restored in messages and in hsm.Session.LeftOut.
const Name = "the restored key"

// Tighten sets what the module has ignored in the template, and reads all of it
// back. openCryptoki ignores SENSITIVE; NSS softoken has UNWRAP true of every RSA
// key. It adds no use.
func Tighten(s *p11.Session, o p11.Object, t p11.Template) error {
	limits := t.Limits()
	values, err := s.Attributes(o, limits.Types()...)
	if err != nil {
		return err
	}
	for i, a := range limits {
		if p11.Truth(values[i]) == a.Value {
			continue
		}
		if err := s.Set(o, p11.Template{a}.Raw()); err != nil {
			return p11.Fail("C_SetAttributeValue of CKA_"+a.Name()+" of "+Name, err)
		}
	}
	return s.Shows(o, Name, t)
}

// Half makes the public half of a restored key, as naming calls it.
func Half(s *p11.Session, public crypto.PublicKey, place p11.Place, naming []*pkcs11.Attribute) (p11.Object, error) {
	material, err := publickey.Material(public)
	if err != nil {
		return 0, err
	}
	kind, err := keykind.Of(public)
	if err != nil {
		return 0, err
	}
	template := templates.PublicKey(place, kind.Type == keykind.RSA)
	half, err := s.Create(template.Raw(append(naming, material...)...))
	if err != nil {
		return 0, p11.Fail("C_CreateObject of the public half of "+Name, err)
	}
	return half, nil
}
