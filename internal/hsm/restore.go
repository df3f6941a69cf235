package hsm

import (
	"crypto"
	"crypto/rsa"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/keykind"
)

// restoreBits is the size of the session's RSA key: as strong as KM.
const restoreBits = 3072

// Seal encrypts a backup's AES key with RSA-OAEP (SHA-1, MGF1-SHA1, no label)
// for a session's public key.
type Seal func(session *rsa.PublicKey) ([]byte, error)

// Restore unwraps a backup into a session object.
//
// It generates an RSA pair for this session that can only unwrap, and calls
// seal with its public half for the backup's AES key. inner is the second part
// of the backup. public is the key's public half, nil for AES.
//
// What comes out is tightened and read back, but nothing is known yet of whose
// key it is: call [Session.Proves], and only then [Session.Persist]. LOCAL and
// ALWAYS_SENSITIVE are false from now on.
func (s *Session) Restore(kind keykind.Kind, public crypto.PublicKey, seal Seal, inner []byte) (Key, error) {
	mech, err := s.KeyWrap()
	if err != nil {
		return Key{}, err
	}
	aes, err := s.unwrapAES(seal)
	if err != nil {
		return Key{}, err
	}
	defer s.discard(aes)
	k := Key{Label: sessionLabel, Kind: kind, Public: public, id: newID()}
	if k.object, err = s.unwrapKey(k, mech, aes, inner); err != nil {
		return Key{}, err
	}
	if err := s.complete(&k); err != nil {
		s.discard(k.object)
		return Key{}, err
	}
	return k, nil
}

func (s *Session) complete(k *Key) error {
	if err := s.tighten(k.object, k.template(SessionObject)); err != nil {
		return err
	}
	if k.secret() {
		return nil
	}
	material, err := publicMaterial(k.Public)
	if err != nil {
		return err
	}
	template := publicKey(SessionObject, k.Kind.Type == keykind.RSA)
	k.public, err = s.p.CreateObject(s.h, template.raw(append(naming(k.Label, k.id), material...)...))
	if err != nil {
		return fail("C_CreateObject of the public half of the restored key", err)
	}
	return nil
}

// unwrapAES has the backup's AES key encrypted for a session RSA key and
// unwraps it: its value is not in this computer's memory for it.
func (s *Session) unwrapAES(seal Seal) (Object, error) {
	publicHalf, private, err := s.sessionRSA()
	if err != nil {
		return 0, err
	}
	defer s.discard(private)
	defer s.discard(publicHalf)
	public, err := s.publicKey(publicHalf)
	if err != nil {
		return 0, err
	}
	key, ok := public.(*rsa.PublicKey)
	if !ok {
		return 0, exitcode.Errorf(exitcode.HSM, "%v shows no RSA key where it was asked to generate one", s.Token)
	}
	sealed, err := seal(key)
	if err != nil {
		return 0, err
	}
	o, err := s.p.UnwrapKey(s.h, oaepSHA1(), private, sealed, unwrapping().raw(
		append(naming(sessionLabel, newID()), classed(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES)...)...))
	if err != nil {
		return 0, fail("C_UnwrapKey of the backup's AES key", err)
	}
	return o, nil
}

// unwrapping is for keys of the session that unwrap and do nothing else.
func unwrapping() Template {
	return Template{
		{pkcs11.CKA_TOKEN, false, false, "ends with the session"},
		{pkcs11.CKA_PRIVATE, true, false, "seen only after login"},
		{pkcs11.CKA_SENSITIVE, true, false, "never in clear"},
		{pkcs11.CKA_EXTRACTABLE, false, false, "has no use elsewhere"},
		{pkcs11.CKA_UNWRAP, true, false, "unwraps a backup"},
		{pkcs11.CKA_DECRYPT, false, false, "unwraps only"},
		{pkcs11.CKA_SIGN, false, false, "unwraps only"},
	}
}

func (s *Session) sessionRSA() (public, private Object, err error) {
	kind, err := keykind.Lookup(keykind.RSA, restoreBits, "")
	if err != nil {
		return 0, 0, err
	}
	id := newID()
	t := Template{
		{pkcs11.CKA_TOKEN, false, false, "ends with the session"},
		{pkcs11.CKA_PRIVATE, false, false, "public"},
		{pkcs11.CKA_WRAP, false, false, "encryption for it is done in software"},
	}
	public, private, err = s.p.GenerateKeyPair(s.h, mechanism(kind.Generation),
		t.raw(append(naming(sessionLabel, id), Spec{Kind: kind}.parameters()...)...),
		unwrapping().raw(naming(sessionLabel, id)...))
	if err != nil {
		return 0, 0, fail("C_GenerateKeyPair of a session RSA key", err)
	}
	return public, private, nil
}

func (s *Session) unwrapKey(k Key, mech KeyWrap, aes Object, inner []byte) (Object, error) {
	return s.made(making{
		what:      "C_UnwrapKey of the backup",
		object:    "a restored key",
		template:  k.template(SessionObject),
		mechanism: noMechanism,
		// openCryptoki refuses EXTRACTABLE here, and has it true.
		mayOmit: []uint{pkcs11.CKA_EXTRACTABLE},
		make: func(t []*pkcs11.Attribute) (Object, error) {
			list := slices.Concat(naming(k.Label, k.id), classed(uint(k.class()), k.Kind.KeyType), t)
			return s.p.UnwrapKey(s.h, mechanism(uint(mech)), aes, inner, list)
		},
	})
}

// tighten sets what the module has ignored in the template, and reads all of
// it back. openCryptoki ignores SENSITIVE.
func (s *Session) tighten(o Object, t Template) error {
	types := []uint{pkcs11.CKA_SENSITIVE, pkcs11.CKA_WRAP_WITH_TRUSTED}
	values, err := s.attributes(o, types...)
	if err != nil {
		return err
	}
	for i, value := range values {
		if truth(value) {
			continue
		}
		if err := s.p.SetAttributeValue(s.h, o, []*pkcs11.Attribute{pkcs11.NewAttribute(types[i], true)}); err != nil {
			return fail("C_SetAttributeValue of CKA_"+names[types[i]]+" of the restored key", err)
		}
	}
	return s.shows(o, "the restored key", t)
}
