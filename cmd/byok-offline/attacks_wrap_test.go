package main

import (
	"math/big"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"
)

func wrapping() []attack {
	const group = "Wrap a key for the attacker"
	return []attack{
		{group: group, name: "wrap it under an AES key of known value", on: keysOfValue(), try: wrapUnderKnown},
		{group: group, name: "wrap it under an AES key made on the token", on: keysOfValue(), try: wrapUnderGenerated},
		{group: group, name: "wrap it under the attacker's RSA key", on: secretKeys(), try: wrapUnderOwnRSA},
		{group: group, name: "wrap it under the attacker's RSA key (private keys are too long for one)",
			on: privateKeys(), never: true, try: wrapUnderOwnRSA},
		{group: group, name: "wrap it under a key that looks like KM or KW, beside the true one", on: secretKeys(),
			try: wrapUnderLookAlike},
		{group: group, name: "wrap it under KM and KW", on: []string{"KW", "KML"}, try: wrapUnderTrusted},
		{group: group, name: "wrap it under the anchor, which is trusted", on: []string{"AES key"}, try: wrapUnderAnchor},
		{group: group, name: "destroy KM and KW, wrap it under keys that look like them", on: []string{"AES key"},
			breaking: true, try: wrapAfterDestroying},
	}
}

// aesWraps are the ways in which SoftHSM wraps with an AES key.
func aesWraps(o object) [][]*pkcs11.Mechanism {
	list := [][]*pkcs11.Mechanism{by(pkcs11.CKM_AES_KEY_WRAP, nil), by(pkcs11.CKM_AES_KEY_WRAP_PAD, nil)}
	if o.class == pkcs11.CKO_SECRET_KEY { // it does not pad
		list = append(list, by(pkcs11.CKM_AES_CBC, make([]byte, 16)))
	}
	return list
}

func rsaWraps() [][]*pkcs11.Mechanism {
	return [][]*pkcs11.Mechanism{by(pkcs11.CKM_RSA_PKCS, nil),
		by(pkcs11.CKM_RSA_PKCS_OAEP,
			pkcs11.NewOAEPParams(pkcs11.CKM_SHA_1, pkcs11.CKG_MGF1_SHA1, pkcs11.CKZ_DATA_SPECIFIED, nil))}
}

func (a *attacker) wrap(f *finding, what string, mechanisms [][]*pkcs11.Mechanism, under pkcs11.ObjectHandle,
	o object) {
	for _, m := range mechanisms {
		_, err := a.p.WrapKey(a.h, m, under, o.handle)
		f.call(what, err)
	}
}

func wrapUnderKnown(a *attacker, t *testing.T, o object, f *finding) {
	a.wrap(f, "wrapping under a known AES key", aesWraps(o), a.own(t, pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES).handle, o)
}

// wrapUnderGenerated wraps under a key that has LOCAL, and that the attacker
// can use for decryption.
func wrapUnderGenerated(a *attacker, t *testing.T, o object, f *finding) {
	key, err := a.p.GenerateKey(a.h, by(pkcs11.CKM_AES_KEY_GEN, nil),
		[]*pkcs11.Attribute{attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_VALUE_LEN, 32),
			attr(pkcs11.CKA_WRAP, true), attr(pkcs11.CKA_UNWRAP, true), attr(pkcs11.CKA_DECRYPT, true)})
	a.must(t, err)
	a.wrap(f, "wrapping under a generated AES key", aesWraps(o), key, o)
}

func wrapUnderOwnRSA(a *attacker, t *testing.T, o object, f *finding) {
	a.wrap(f, "wrapping under the attacker's RSA key", rsaWraps(),
		a.own(t, pkcs11.CKO_PUBLIC_KEY, pkcs11.CKK_RSA).handle, o)
}

// lookAlike makes a token object with the labels and identifier of a trusted
// key, but not trusted, and the attacker's value; it is removed afterwards.
func (a *attacker) lookAlike(t testing.TB, label string, id []byte) (key pkcs11.ObjectHandle, remove func()) {
	t.Helper()
	list := []*pkcs11.Attribute{attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_PRIVATE, false),
		attr(pkcs11.CKA_LABEL, label), attr(pkcs11.CKA_ID, id), attr(pkcs11.CKA_WRAP, true)}
	if strings.HasPrefix(label, "byok-km-") {
		list = append(list, attr(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA),
			attr(pkcs11.CKA_MODULUS, a.rsa.N.Bytes()), attr(pkcs11.CKA_PUBLIC_EXPONENT, big.NewInt(int64(a.rsa.E)).Bytes()))
	} else {
		list = append(list, attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
			attr(pkcs11.CKA_SENSITIVE, true), attr(pkcs11.CKA_EXTRACTABLE, false), attr(pkcs11.CKA_VALUE, knownValue()))
	}
	key, err := a.p.CreateObject(a.h, list)
	a.must(t, err)
	return key, func() { a.must(t, a.p.DestroyObject(a.h, key)) }
}

// lookAlikes gives label and CKA_ID of the trusted keys, as they were when there
// were any.
func (a *attacker) lookAlikes(t testing.TB) map[string][]byte {
	t.Helper()
	like := map[string][]byte{}
	for _, o := range a.targets(t) {
		if o.role == "KM" || o.role == "KW" {
			like[o.label] = a.value(t, o.handle, pkcs11.CKA_ID)
		}
	}
	if len(like) > 0 {
		a.like = like
	}
	return a.like
}

func wrapUnderLookAlike(a *attacker, t *testing.T, o object, f *finding) {
	for label, id := range a.lookAlikes(t) {
		key, remove := a.lookAlike(t, label, id)
		mechanisms := aesWraps(o)
		if strings.HasPrefix(label, "byok-km-") {
			mechanisms = rsaWraps()
		}
		a.wrap(f, "wrapping under a look-alike of "+label, mechanisms, key, o)
		remove()
	}
}

func wrapAfterDestroying(a *attacker, t *testing.T, o object, f *finding) {
	like := a.lookAlikes(t)
	for _, trusted := range a.targets(t) {
		if trusted.role == "KM" || trusted.role == "KW" {
			a.must(t, a.p.DestroyObject(a.h, trusted.handle))
		}
	}
	for label, id := range like {
		key, remove := a.lookAlike(t, label, id)
		mechanisms := aesWraps(o)
		if strings.HasPrefix(label, "byok-km-") {
			mechanisms = rsaWraps()
		}
		a.wrap(f, "wrapping under a look-alike of "+label+", which is gone", mechanisms, key, o)
		remove()
	}
}

// wrapUnderTrusted has the token's trusted keys wrap what must not leave even so.
func wrapUnderTrusted(a *attacker, t *testing.T, o object, f *finding) {
	if o.mine {
		a.wrap(f, "", aesWraps(o), a.own(t, pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES).handle, o)
		return
	}
	a.wrap(f, "wrapping under KW", aesWraps(o), a.only(t, "KW").handle, o)
	if o.class == pkcs11.CKO_SECRET_KEY { // private keys are too long for RSA
		a.wrap(f, "wrapping under KM", rsaWraps(), a.only(t, "KM").handle, o)
	}
}

// wrapUnderAnchor: the anchor is KM's public half once more, and wraps nothing.
func wrapUnderAnchor(a *attacker, t *testing.T, o object, f *finding) {
	under := a.own(t, pkcs11.CKO_PUBLIC_KEY, pkcs11.CKK_RSA)
	if !o.mine {
		under = a.only(t, "anchor")
	}
	a.wrap(f, "wrapping under the anchor", rsaWraps(), under.handle, o)
}
