package hsm

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// ckmAESKeyWrapKWP is CKM_AES_KEY_WRAP_KWP (PKCS#11 v3.0, section 2.12.1),
// which is RFC 5649 by definition; CKM_AES_KEY_WRAP_PAD is it in some modules only.
const ckmAESKeyWrapKWP = 0x210B

// KeyWrap is the mechanism that is AES key wrap with padding as in RFC 5649 on
// a token.
type KeyWrap struct {
	Mechanism uint
	// ZeroPads: the module fills the key up to eight bytes with zeros before
	// it wraps, so up to seven zero bytes follow the PKCS#8 structure inside
	// the blob. SoftHSM 2.6.1 does.
	ZeroPads bool
}

// KeyWrap finds the mechanism by probing: of CKM_AES_KEY_WRAP_KWP and
// CKM_AES_KEY_WRAP_PAD the first that gives the RFC's own vector.
func (u *User) KeyWrap() (KeyWrap, error) {
	kwp, kwpErr := u.probeKeyWrap(ckmAESKeyWrapKWP)
	if kwpErr == nil {
		return kwp, nil
	}
	if gone(kwpErr) {
		return KeyWrap{}, fail("a probe of "+u.Token.String()+" got no answer", kwpErr)
	}
	pad, padErr := u.probeKeyWrap(pkcs11.CKM_AES_KEY_WRAP_PAD)
	if padErr == nil {
		return pad, nil
	}
	return KeyWrap{}, exitcode.Errorf(exitcode.HSM, "%v has no AES key wrap with padding as in RFC 5649: CKM_AES_KEY_WRAP_KWP: %w; CKM_AES_KEY_WRAP_PAD: %w",
		u.Token, kwpErr, padErr)
}

// probeKeyWrap wraps the 20-byte key of RFC 5649, section 6, under its 192-bit
// KEK: both are public values, in session objects.
func (u *User) probeKeyWrap(m uint) (KeyWrap, error) {
	kek, err := u.probeKey(pkcs11.CKK_AES, unhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"))
	if err != nil {
		return KeyWrap{}, err
	}
	defer u.drop(kek)
	key, err := u.probeKey(pkcs11.CKK_GENERIC_SECRET, unhex("c37b7e6492584340bed12207808941155068f738"))
	if err != nil {
		return KeyWrap{}, err
	}
	defer u.drop(key)
	got, err := u.p.WrapKey(u.h, mechanism(m), kek, key)
	switch {
	case err != nil:
		return KeyWrap{}, named(err)
	case bytes.Equal(got, unhex("138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a")):
		return KeyWrap{Mechanism: m}, nil
	case bytes.Equal(got, unhex("cf1e485360e1a8126f524d01771677f9400edb4d074f14116988d71e1588e367")): // the same with 4 zero bytes behind the key
		return KeyWrap{Mechanism: m, ZeroPads: true}, nil
	}
	return KeyWrap{}, errors.New("does not give the vector of RFC 5649, section 6")
}

// probeKey puts a secret key of a known, worthless value into the session.
func (u *User) probeKey(kind uint, value []byte) (Object, error) {
	o, err := u.p.CreateObject(u.h, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, kind),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, false),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true), pkcs11.NewAttribute(pkcs11.CKA_WRAP, true),
		pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true), pkcs11.NewAttribute(pkcs11.CKA_VALUE, value),
	})
	if err != nil {
		return 0, fail("C_CreateObject of a session key to probe with", err)
	}
	return o, nil
}

func (u *User) drop(o Object) { _ = u.p.DestroyObject(u.h, o) }

func unhex(s string) []byte {
	b, _ := hex.DecodeString(s) // constants of this file
	return b
}

// Backup wraps key under the module key: RFC 5649 around the PKCS#8 key, or
// around the bare value of an AES key. Equal keys give equal blobs.
func (u *User) Backup(moduleKey string, key Key) ([]byte, error) {
	return u.wrapUnder(moduleKey, key)
}

func (u *User) wrapUnder(wrappingLabel string, key Key) ([]byte, error) {
	wrapping, err := u.Find(pkcs11.CKO_SECRET_KEY, wrappingLabel)
	if err != nil {
		return nil, err
	}
	w, err := u.KeyWrap()
	if err != nil {
		return nil, err
	}
	blob, err := u.p.WrapKey(u.h, mechanism(w.Mechanism), wrapping, key.object)
	if err != nil {
		return nil, fail(fmt.Sprintf("C_WrapKey of %s under %s", key.Label, wrappingLabel), err)
	}
	return blob, nil
}

// ForVault wraps key for the vault: RSA-OAEP (SHA-1, MGF1-SHA1) of an AES-256
// key under the KEK, then RFC 5649 of the key under that AES key. That is
// CKM_RSA_AES_KEY_WRAP (PKCS#11 v2.40, section 2.1.21), done in one call where
// the module has it; otherwise by hand with the transfer key. Same blob.
func (u *User) ForVault(kekLabel, transferLabel string, key Key) ([]byte, error) {
	kek, err := u.Find(pkcs11.CKO_PUBLIC_KEY, kekLabel)
	if err != nil {
		return nil, err
	}
	if u.wrapsInOneCall() {
		return u.wrapOnce(kek, key)
	}
	inner, err := u.wrapUnder(transferLabel, key)
	if err != nil {
		return nil, err
	}
	transfer, err := u.Find(pkcs11.CKO_SECRET_KEY, transferLabel)
	if err != nil {
		return nil, err
	}
	outer, err := u.p.WrapKey(u.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_OAEP, oaepSHA1())}, kek, transfer)
	if err != nil {
		return nil, fail("C_WrapKey of the transfer key under the KEK with RSA-OAEP (SHA-1)", err)
	}
	return append(outer, inner...), nil
}

// oaepSHA1 is what the service unwraps: SHA-1, MGF1 with SHA-1, empty label.
// SHA-1's collisions do not weaken OAEP (RFC 8017, section 7.1, needs no
// collision resistance of it).
func oaepSHA1() *pkcs11.OAEPParams {
	return pkcs11.NewOAEPParams(pkcs11.CKM_SHA_1, pkcs11.CKG_MGF1_SHA1, pkcs11.CKZ_DATA_SPECIFIED, nil)
}

func (u *User) wrapsInOneCall() bool {
	info, err := u.p.GetMechanismInfo(u.Token.Slot, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_AES_KEY_WRAP, nil)})
	return err == nil && info.Flags&pkcs11.CKF_WRAP != 0
}

func (u *User) wrapOnce(kek Object, key Key) ([]byte, error) {
	params := &pkcs11.RSAAESKeyWrapParams{AESKeyBits: 256, OAEPParams: *oaepSHA1()}
	blob, err := u.p.WrapKey(u.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_AES_KEY_WRAP, params)}, kek, key.object)
	if err != nil {
		return nil, fail("C_WrapKey of "+key.Label+" under the KEK with CKM_RSA_AES_KEY_WRAP", err)
	}
	return blob, nil
}
