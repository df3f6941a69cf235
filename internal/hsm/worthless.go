package hsm

import (
	"crypto/rand"
	"crypto/rsa"

	"github.com/miekg/pkcs11"

	"byok/internal/keykind"
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
		t.labelled(pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, size)))
	if err != nil {
		return 0, fail("C_GenerateKey of a worthless session key", err)
	}
	return o, nil
}

// attackerRSA puts the public half of an RSA key of the program's own into the
// session: what an attacker would wrap under.
func (s *Session) attackerRSA() (*rsa.PrivateKey, Object, error) {
	key, err := s.m.attackerKey()
	if err != nil {
		return nil, 0, err
	}
	t := Template{
		{pkcs11.CKA_TOKEN, false, false, "ends with the session"},
		{pkcs11.CKA_PRIVATE, false, false, "can be made in an SO session as well"},
		{pkcs11.CKA_WRAP, true, false, "is to wrap"},
	}
	o, err := s.p.CreateObject(s.h, t.labelled(rsaMaterial(&key.PublicKey)...))
	if err != nil {
		return nil, 0, fail("C_CreateObject of a worthless RSA key", err)
	}
	return key, o, nil
}

// attackerKey is an RSA key of the program's own, made once.
func (m *Module) attackerKey() (*rsa.PrivateKey, error) {
	if m.attacker != nil {
		return m.attacker, nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	m.attacker = key
	return key, err
}

// worthlessPair generates an EC session key that any key may wrap, and returns
// its private half.
func (s *Session) worthlessPair() (Object, error) {
	kind, err := keykind.Lookup(keykind.EC, 0, "P-256")
	if err != nil {
		return 0, err
	}
	private := Template{
		{pkcs11.CKA_TOKEN, false, false, "ends with the session"},
		{pkcs11.CKA_PRIVATE, true, false, "as the key it stands for"},
		{pkcs11.CKA_SENSITIVE, true, false, "as the key it stands for"},
		{pkcs11.CKA_EXTRACTABLE, true, false, "is to be wrapped"},
	}
	public := Template{{pkcs11.CKA_TOKEN, false, false, "ends with the session"}}
	half, o, err := s.p.GenerateKeyPair(s.h, mechanism(kind.Generation),
		public.labelled(Spec{Kind: kind}.parameters()...), private.labelled())
	if err != nil {
		return 0, fail("C_GenerateKeyPair of a worthless key", err)
	}
	s.Discard(half)
	return o, nil
}

// worthlessDES3 generates a triple DES session key that may wrap.
func (s *Session) worthlessDES3() (Object, error) {
	return s.p.GenerateKey(s.h, mechanism(pkcs11.CKM_DES3_KEY_GEN), worthless(SessionObject).labelled())
}
