package hsm

import (
	"crypto/rand"
	"crypto/rsa"

	"github.com/miekg/pkcs11"
)

// ProbeLabel is the label of what the probes make. Objects with it protect
// nothing; one that is left on a token by a crash may be destroyed.
const ProbeLabel = "byok-probe"

// worthless is a secret key to try things with: wrappable by any key.
func worthless(place Place) Template {
	return Template{
		{pkcs11.CKA_TOKEN, place == TokenObject, false, "as the key it stands for"},
		{pkcs11.CKA_PRIVATE, false, false, "can be made in an SO session as well"},
		{pkcs11.CKA_SENSITIVE, true, false, "modules under FIPS rules make no others"},
		{pkcs11.CKA_EXTRACTABLE, true, false, "is to be wrapped"},
		{pkcs11.CKA_WRAP, true, false, "is to wrap"},
	}
}

func (s *Session) worthlessAES() (Object, error) { return s.generateAES(worthless(SessionObject), 32) }

func (s *Session) generateAES(t Template, size int) (Object, error) {
	o, err := s.p.GenerateKey(s.h, mechanism(pkcs11.CKM_AES_KEY_GEN),
		t.raw(append(naming(ProbeLabel, newID()), pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, size))...))
	if err != nil {
		return 0, fail("C_GenerateKey of a worthless session key", err)
	}
	return o, nil
}

// attackerRSA puts the public half of an RSA key of the program's own into the
// session: what an attacker would wrap under.
func (s *Session) attackerRSA() (*rsa.PrivateKey, Object, error) {
	if s.m.attacker == nil {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, 0, err
		}
		s.m.attacker = key
	}
	t := Template{
		{pkcs11.CKA_TOKEN, false, false, "ends with the session"},
		{pkcs11.CKA_PRIVATE, false, false, "can be made in an SO session as well"},
		{pkcs11.CKA_WRAP, true, false, "is to wrap"},
	}
	o, err := s.p.CreateObject(s.h,
		t.raw(append(naming(ProbeLabel, newID()), rsaMaterial(&s.m.attacker.PublicKey)...)...))
	if err != nil {
		return nil, 0, fail("C_CreateObject of a worthless RSA key", err)
	}
	return s.m.attacker, o, nil
}
