package hsm

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"math/big"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// ProbeModuleKey tries, as the operator, to undo every restriction of the
// module key and to use it for anything but wrapping.
func (u *User) ProbeModuleKey(label string) error {
	return u.probeWrapping(label, moduleKeyTemplate())
}

// ProbeTransferKey does the same to the transfer key, and tries to wrap it
// under keys that nobody trusted.
func (u *User) ProbeTransferKey(label string) error {
	if err := u.probeWrapping(label, transferKeyTemplate()); err != nil {
		return err
	}
	o, err := u.Find(pkcs11.CKO_SECRET_KEY, label)
	if err != nil {
		return err
	}
	return u.refusesUntrustedWrap(o, label)
}

// IsKEK wants the KEK object with the label to be the public key given: a label
// says nothing of the key that carries it.
func (u *User) IsKEK(label string, kek *rsa.PublicKey) error {
	o, err := u.Find(pkcs11.CKO_PUBLIC_KEY, label)
	if err != nil {
		return err
	}
	held, err := u.publicKey(o)
	if err != nil {
		return err
	}
	if !kek.Equal(held) {
		return exitcode.Errorf(exitcode.Check, "%s on %v is another key than the KEK", label, u.Token)
	}
	return nil
}

// ProbeKEK tries to undo every restriction of the trusted KEK.
func (u *User) ProbeKEK(label string) error {
	o, err := u.Find(pkcs11.CKO_PUBLIC_KEY, label)
	if err != nil {
		return err
	}
	return u.holds(o, label, kekTemplate())
}

// ProbeKey tries to reveal an operator's key: to read it, to lift SENSITIVE or
// WRAP_WITH_TRUSTED, and to wrap it under keys that nobody trusted.
func (u *User) ProbeKey(k Key) error {
	return u.probeKept(k, keptKeyTemplate())
}

// ProbeCopy does the same to a transfer copy, and tries to widen it.
func (u *User) ProbeCopy(k Key) error {
	if err := u.probeKept(k, transferCopyResult(k.Secret)); err != nil {
		return err
	}
	return u.refusesUse(k)
}

// refusesUse starts each operation that the key was made for and the copy has lost.
func (u *User) refusesUse(k Key) error {
	signing, decrypting := uint(pkcs11.CKM_ECDSA), uint(pkcs11.CKM_RSA_PKCS)
	switch k.Public.(type) {
	case *rsa.PublicKey:
		signing = pkcs11.CKM_RSA_PKCS
	case nil:
		signing, decrypting = pkcs11.CKM_AES_CMAC, pkcs11.CKM_AES_ECB
		err := u.p.EncryptInit(u.h, mechanism(decrypting), k.object)
		ended(err, u.p.Encrypt, u.h)
		if err := refused(u.Token, err, "%s encrypts although CKA_ENCRYPT is false", k.Label); err != nil {
			return err
		}
	}
	err := u.p.SignInit(u.h, mechanism(signing), k.object)
	ended(err, u.p.Sign, u.h)
	if err := refused(u.Token, err, "%s signs although CKA_SIGN is false", k.Label); err != nil {
		return err
	}
	err = u.p.DecryptInit(u.h, mechanism(decrypting), k.object)
	ended(err, u.p.Decrypt, u.h)
	return refused(u.Token, err, "%s decrypts although CKA_DECRYPT is false", k.Label)
}

// ended finishes an operation that was begun although it should have been
// refused: the session could begin no other until then.
func ended(begun error, finish func(pkcs11.SessionHandle, []byte) ([]byte, error), h pkcs11.SessionHandle) {
	if begun == nil {
		_, _ = finish(h, make([]byte, 16))
	}
}

// ProbeOAEP has the token wrap a worthless key with RSA-OAEP under an RSA key
// of our own and opens it in software with SHA-1: some modules ignore the hash
// they are asked for, and the vault would refuse the blob without a reason.
func (u *User) ProbeOAEP() error {
	private, public, err := u.probeRSA()
	if err != nil {
		return err
	}
	defer u.drop(public)
	value := random(32)
	key, err := u.probeKey(pkcs11.CKK_AES, bytes.Clone(value))
	if err != nil {
		return err
	}
	defer u.drop(key)
	blob, err := u.p.WrapKey(u.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_OAEP, oaepSHA1())}, public, key)
	if err != nil {
		return fail("C_WrapKey with RSA-OAEP (SHA-1)", err)
	}
	opened, err := rsa.DecryptOAEP(sha1.New(), nil, private, blob, nil)
	if err != nil || !bytes.Equal(opened, value) {
		return exitcode.Errorf(exitcode.HSM, "%v does not use SHA-1 in RSA-OAEP when asked to, which the vault needs", u.Token)
	}
	if !u.wrapsInOneCall() {
		return nil
	}
	return u.probeOnce(private, public, key)
}

// probeOnce does the same with CKM_RSA_AES_KEY_WRAP, and has the token wrap
// the key again under the AES key from inside: equal keys give equal blobs.
func (u *User) probeOnce(private *rsa.PrivateKey, public, key Object) error {
	blob, err := u.wrapOnce(public, Key{Label: "a session key to probe with", object: key})
	if err != nil {
		return err
	}
	aes, err := rsa.DecryptOAEP(sha1.New(), nil, private, blob[:min(len(blob), private.Size())], nil)
	if err != nil || len(aes) != 32 {
		return exitcode.Errorf(exitcode.HSM, "%v does not use SHA-1 in CKM_RSA_AES_KEY_WRAP when asked to, which the vault needs", u.Token)
	}
	w, err := u.KeyWrap()
	if err != nil {
		return err
	}
	inside, err := u.probeKey(pkcs11.CKK_AES, aes)
	if err != nil {
		return err
	}
	defer u.drop(inside)
	again, err := u.p.WrapKey(u.h, mechanism(w.Mechanism), inside, key)
	if err != nil {
		return fail("C_WrapKey of a session key to probe with", err)
	}
	if !bytes.Equal(again, blob[private.Size():]) {
		return exitcode.Errorf(exitcode.HSM, "%v does not wrap as in RFC 5649 in CKM_RSA_AES_KEY_WRAP, which the vault needs", u.Token)
	}
	return nil
}

// ProbeTrust tries, as the operator, to make a trusted wrapping key of its own.
func (u *User) ProbeTrust() error {
	o, err := u.p.CreateObject(u.h, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false), pkcs11.NewAttribute(pkcs11.CKA_WRAP, true),
		pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true), pkcs11.NewAttribute(pkcs11.CKA_VALUE, random(32)),
	})
	if err == nil {
		defer u.drop(o)
		if trusted, err := u.flag(o, pkcs11.CKA_TRUSTED); err != nil || !trusted {
			return err
		}
	}
	return refused(u.Token, err, "the operator could make a trusted wrapping key without the quorum")
}

func (u *User) probeWrapping(label string, t Template) error {
	o, err := u.Find(pkcs11.CKO_SECRET_KEY, label)
	if err != nil {
		return err
	}
	if err := u.holds(o, label, t); err != nil {
		return err
	}
	if err := u.refusesReading(o, label, pkcs11.CKA_VALUE); err != nil {
		return err
	}
	return u.refusesUnwrap(o, label)
}

func (u *User) probeKept(k Key, t Template) error {
	if err := u.holds(k.object, k.Label, t); err != nil {
		return err
	}
	secretPart := uint(pkcs11.CKA_VALUE)
	if _, isRSA := k.Public.(*rsa.PublicKey); isRSA {
		secretPart = pkcs11.CKA_PRIVATE_EXPONENT
	}
	if err := u.refusesReading(k.object, k.Label, secretPart); err != nil {
		return err
	}
	return u.refusesUntrustedWrap(k.object, k.Label)
}

// holds reads the template back and tries to undo each frozen attribute, by
// setting it and by a copy in which it is different.
func (u *User) holds(o Object, label string, t Template) error {
	if err := u.shows(o, label, t); err != nil {
		return err
	}
	for _, a := range t {
		if !a.Frozen {
			continue
		}
		if err := u.refusesChange(o, label, a); err != nil {
			return err
		}
		if err := u.refusesCopy(o, label, a); err != nil {
			return err
		}
	}
	return u.shows(o, label, t)
}

// refusesChange sets an attribute to its opposite. A token may also say yes
// and leave it as it was.
func (u *User) refusesChange(o Object, label string, a Attribute) error {
	err := u.p.SetAttributeValue(u.h, o, []*pkcs11.Attribute{pkcs11.NewAttribute(a.Type, !a.Value)})
	if err == nil {
		if now, err := u.flag(o, a.Type); err != nil || now == a.Value {
			return err
		}
	}
	return refused(u.Token, err, "CKA_%s of %s could be set to %t (%s)", a.Name, label, !a.Value, a.Why)
}

// refusesCopy copies the object with the attribute's opposite.
func (u *User) refusesCopy(o Object, label string, a Attribute) error {
	weaker, err := u.p.CopyObject(u.h, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false), pkcs11.NewAttribute(a.Type, !a.Value)})
	if err == nil {
		defer u.drop(weaker)
		if now, err := u.flag(weaker, a.Type); err != nil || now == a.Value {
			return err
		}
	}
	return refused(u.Token, err, "%s could be copied with CKA_%s=%t (%s)", label, a.Name, !a.Value, a.Why)
}

func (u *User) refusesReading(o Object, label string, attribute uint) error {
	value, err := u.bytes(o, attribute)
	defer clear(value)
	if err == nil && len(value) == 0 {
		return nil
	}
	return refused(u.Token, err, "the value of %s could be read", label)
}

// refusesUnwrap gives the wrapping key a blob that it has made itself, so that
// nothing but the permission stands in the way of opening it.
func (u *User) refusesUnwrap(o Object, label string) error {
	w, err := u.KeyWrap()
	if err != nil {
		return err
	}
	blob, err := u.wrapProbe(w.Mechanism, o)
	if err != nil {
		return err
	}
	opened, err := u.p.UnwrapKey(u.h, mechanism(w.Mechanism), o, blob, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, false),
	})
	if err == nil {
		u.drop(opened)
	}
	return refused(u.Token, err, "%s unwrapped a blob although CKA_UNWRAP is false", label)
}

// wrapProbe wraps a worthless session key under o, so that there is a true
// blob to try to open.
func (u *User) wrapProbe(m uint, o Object) ([]byte, error) {
	key, err := u.probeKey(pkcs11.CKK_GENERIC_SECRET, random(32))
	if err != nil {
		return nil, err
	}
	defer u.drop(key)
	blob, err := u.p.WrapKey(u.h, mechanism(m), o, key)
	if err != nil {
		return nil, fail("C_WrapKey of a session key to probe with", err)
	}
	return blob, nil
}

// refusesUntrustedWrap tries to wrap o under an AES key and an RSA key that
// are not trusted and whose values the caller would know.
func (u *User) refusesUntrustedWrap(o Object, label string) error {
	if err := u.refusesAESWrap(o, label); err != nil {
		return err
	}
	return u.refusesRSAWrap(o, label)
}

func (u *User) refusesAESWrap(o Object, label string) error {
	w, err := u.KeyWrap()
	if err != nil {
		return err
	}
	known, err := u.probeKey(pkcs11.CKK_AES, random(32))
	if err != nil {
		return err
	}
	defer u.drop(known)
	_, err = u.p.WrapKey(u.h, mechanism(w.Mechanism), known, o)
	return refused(u.Token, err, "%s could be wrapped under an AES key that nobody trusted", label)
}

func (u *User) refusesRSAWrap(o Object, label string) error {
	_, attacker, err := u.probeRSA()
	if err != nil {
		return err
	}
	defer u.drop(attacker)
	_, err = u.p.WrapKey(u.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_OAEP, oaepSHA1())}, attacker, o)
	if err := refused(u.Token, err, "%s could be wrapped under an RSA key that nobody trusted", label); err != nil || !u.wrapsInOneCall() {
		return err
	}
	_, err = u.wrapOnce(attacker, Key{Label: label, object: o})
	return refused(u.Token, err, "%s could be wrapped with CKM_RSA_AES_KEY_WRAP under an RSA key that nobody trusted", label)
}

// probeRSA puts the public half of an RSA key of ours into the session.
func (u *User) probeRSA() (*rsa.PrivateKey, Object, error) {
	if u.m.attacker == nil {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, 0, err
		}
		u.m.attacker = key
	}
	key := u.m.attacker
	o, err := u.p.CreateObject(u.h, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false), pkcs11.NewAttribute(pkcs11.CKA_WRAP, true),
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS, key.N.Bytes()), pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, big.NewInt(int64(key.E)).Bytes()),
	})
	if err != nil {
		return nil, 0, fail("C_CreateObject of a session RSA key to probe with", err)
	}
	return key, o, nil
}
