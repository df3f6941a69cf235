package main

import (
	"testing"

	"github.com/miekg/pkcs11"
)

func using() []attack {
	const group = "Use a key for what it is not for"
	return []attack{
		{group: group, name: "encrypt (C_EncryptInit)", on: frozenKeys(), try: encrypting},
		{group: group, name: "decrypt (C_DecryptInit)", on: []string{"KW"}, try: decrypting},
		{group: group, name: "sign (C_SignInit)", on: []string{"KW"}, try: signing},
		{group: group, name: "verify (C_VerifyInit)", on: frozenKeys(), try: verifying},
		{group: group, name: "wrap (C_WrapKey)", on: []string{"anchor"}, try: wrappingWith},
		{group: group, name: "wrap with PKCS#1 v1.5 (C_WrapKey)", on: []string{"KM"}, try: wrappingOtherwise},
		{group: group, name: "unwrap (C_UnwrapKey)", on: []string{"KW"}, try: unwrappingWith},
	}
}

// mechanismsFor gives a mechanism for encryption with an object, and its signing counterpart.
func mechanismsFor(o object) (encrypts, signs []*pkcs11.Mechanism) {
	switch o.kind {
	case pkcs11.CKK_RSA:
		return by(pkcs11.CKM_RSA_PKCS, nil), by(pkcs11.CKM_RSA_PKCS, nil)
	case pkcs11.CKK_EC:
		return nil, by(pkcs11.CKM_ECDSA, nil)
	}
	return by(pkcs11.CKM_AES_ECB, nil), by(pkcs11.CKM_AES_CMAC, nil)
}

// begin begins an operation in a session of its own: a session has one of a kind.
func (a *attacker) begin(t *testing.T, f *finding, what string,
	init func(pkcs11.SessionHandle, []*pkcs11.Mechanism, pkcs11.ObjectHandle) error, m []*pkcs11.Mechanism, o object) {
	t.Helper()
	h := mustDo(a.p.OpenSession(a.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION))(t)
	f.call(what, init(h, m, o.handle))
	a.must(t, a.p.CloseSession(h))
}

func encrypting(a *attacker, t *testing.T, o object, f *finding) {
	m, _ := mechanismsFor(o)
	a.begin(t, f, "C_EncryptInit", a.p.EncryptInit, m, o)
}

func decrypting(a *attacker, t *testing.T, o object, f *finding) {
	m, _ := mechanismsFor(o)
	a.begin(t, f, "C_DecryptInit", a.p.DecryptInit, m, o)
}

func signing(a *attacker, t *testing.T, o object, f *finding) {
	_, m := mechanismsFor(o)
	a.begin(t, f, "C_SignInit", a.p.SignInit, m, o)
}

func verifying(a *attacker, t *testing.T, o object, f *finding) {
	_, m := mechanismsFor(o)
	a.begin(t, f, "C_VerifyInit", a.p.VerifyInit, m, o)
}

func wrappingWith(a *attacker, t *testing.T, o object, f *finding) {
	victim := a.own(t, pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES)
	mechanisms := aesWraps(victim)
	if o.kind == pkcs11.CKK_RSA {
		mechanisms = rsaWraps()
	}
	a.wrap(f, "wrapping with it", mechanisms, o.handle, victim)
}

// wrappingOtherwise: KM wraps with OAEP alone.
func wrappingOtherwise(a *attacker, t *testing.T, o object, f *finding) {
	victim := a.own(t, pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES)
	a.wrap(f, "wrapping with PKCS#1 v1.5", rsaWraps()[:1], o.handle, victim)
}

// unwrappingWith gives a key 40 bytes of nothing, or what an own key has wrapped.
func unwrappingWith(a *attacker, t *testing.T, o object, f *finding) {
	blob := make([]byte, 40)
	if o.mine {
		blob = mustDo(a.p.WrapKey(a.h, rfc5649(), o.handle, a.own(t, pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES).handle))(t)
	}
	_, err := a.p.UnwrapKey(a.h, rfc5649(), o.handle, blob,
		blobOf{}.as(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_GENERIC_SECRET))
	f.call("C_UnwrapKey", err)
}

func trusting() []attack {
	const group = "Make a trusted key of the attacker's own"
	on := []string{theToken}
	return []attack{
		{group: group, name: "create it (C_CreateObject)", on: on, try: createTrusted},
		{group: group, name: "generate it (C_GenerateKey)", on: on, try: generateTrusted},
		{group: group, name: "generate a pair (C_GenerateKeyPair)", on: on, try: generateTrustedPair},
		{group: group, name: "copy a key of his own (C_CopyObject)", on: on, try: copyTrusted},
		{group: group, name: "set it on a key of his own (C_SetAttributeValue)", on: on, never: true, try: setTrusted},
		{group: group, name: "unwrap it (C_UnwrapKey)", on: on, try: unwrapTrusted},
		{group: group, name: "derive it (C_DeriveKey)", on: on, try: deriveTrusted},
		{group: group, name: "create a key of known value that says it was generated here (LOCAL)", on: on, never: true,
			try: createLocal},
	}
}

// ofTrust adds CKA_TRUSTED, which is all that the practice run leaves out.
func ofTrust(o object, list ...*pkcs11.Attribute) []*pkcs11.Attribute {
	if o.mine {
		return list
	}
	return append(list, attr(pkcs11.CKA_TRUSTED, true))
}

// places are where a new object can be: on the token or in the session, private or not.
func places() (list [][]*pkcs11.Attribute) {
	for _, token := range []bool{true, false} {
		for _, private := range []bool{true, false} {
			list = append(list,
				[]*pkcs11.Attribute{attr(pkcs11.CKA_TOKEN, token), attr(pkcs11.CKA_PRIVATE, private),
					attr(pkcs11.CKA_WRAP, true)})
		}
	}
	return list
}

// made records a call that makes an object, and removes what it made.
func (a *attacker) made(t *testing.T, f *finding, what string) func(pkcs11.ObjectHandle, error) {
	return func(o pkcs11.ObjectHandle, err error) {
		t.Helper()
		if f.call(what, err) {
			a.must(t, a.p.DestroyObject(a.h, o))
		}
	}
}

func createTrusted(a *attacker, t *testing.T, o object, f *finding) {
	for _, place := range places() {
		for _, class := range [][2]uint{{pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES},
			{pkcs11.CKO_PUBLIC_KEY, pkcs11.CKK_RSA}} {
			list := append(place, attr(pkcs11.CKA_CLASS, class[0]), attr(pkcs11.CKA_KEY_TYPE, class[1]))
			a.made(t, f, "C_CreateObject")(a.p.CreateObject(a.h,
				ofTrust(o, append(list, a.material(class[0], class[1])...)...)))
		}
	}
}

func generateTrusted(a *attacker, t *testing.T, o object, f *finding) {
	for _, place := range places() {
		a.made(t, f, "C_GenerateKey")(a.p.GenerateKey(a.h, by(pkcs11.CKM_AES_KEY_GEN, nil),
			ofTrust(o, append(place, attr(pkcs11.CKA_VALUE_LEN, 32))...)))
	}
}

func generateTrustedPair(a *attacker, t *testing.T, o object, f *finding) {
	params := a.material(pkcs11.CKO_PUBLIC_KEY, pkcs11.CKK_EC)[0]
	public, private, err := a.p.GenerateKeyPair(a.h, by(pkcs11.CKM_EC_KEY_PAIR_GEN, nil),
		ofTrust(o, attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_WRAP, true),
			params), []*pkcs11.Attribute{attr(pkcs11.CKA_TOKEN, false)})
	a.made(t, f, "C_GenerateKeyPair")(public, err)
	if err == nil {
		a.must(t, a.p.DestroyObject(a.h, private))
	}
}

func copyTrusted(a *attacker, t *testing.T, o object, f *finding) {
	for _, class := range []uint{pkcs11.CKO_SECRET_KEY, pkcs11.CKO_PUBLIC_KEY} {
		mine := a.own(t, class,
			map[uint]uint{pkcs11.CKO_SECRET_KEY: pkcs11.CKK_AES, pkcs11.CKO_PUBLIC_KEY: pkcs11.CKK_RSA}[class])
		for _, token := range []bool{true, false} {
			a.made(t, f, "C_CopyObject")(a.p.CopyObject(a.h, mine.handle, ofTrust(o, attr(pkcs11.CKA_TOKEN, token))))
		}
	}
}

func setTrusted(a *attacker, t *testing.T, o object, f *finding) {
	for _, class := range [][2]uint{{pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES}, {pkcs11.CKO_PUBLIC_KEY, pkcs11.CKK_RSA}} {
		f.call("C_SetAttributeValue", a.p.SetAttributeValue(a.h, a.own(t, class[0], class[1]).handle, trusted(a, t, o)))
	}
}

func unwrapTrusted(a *attacker, t *testing.T, o object, f *finding) {
	mine := a.own(t, pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES)
	blob := mustDo(a.p.WrapKey(a.h, rfc5649(), mine.handle, mine.handle))(t)
	for _, place := range places() {
		list := append(place, attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES))
		a.made(t, f, "C_UnwrapKey")(a.p.UnwrapKey(a.h, rfc5649(), mine.handle, blob, ofTrust(o, list...)))
	}
}

func deriveTrusted(a *attacker, t *testing.T, o object, f *finding) {
	mine := a.own(t, pkcs11.CKO_PRIVATE_KEY, pkcs11.CKK_EC)
	m := by(pkcs11.CKM_ECDH1_DERIVE, pkcs11.NewECDH1DeriveParams(pkcs11.CKD_NULL, nil, a.point()))
	for _, place := range places() {
		list := append(place, attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
			attr(pkcs11.CKA_VALUE_LEN, 32))
		a.made(t, f, "C_DeriveKey")(a.p.DeriveKey(a.h, m, mine.handle, ofTrust(o, list...)))
	}
}

func createLocal(a *attacker, t *testing.T, o object, f *finding) {
	for _, one := range origin(a, t, o)[:3] {
		list := []*pkcs11.Attribute{attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
			attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES), attr(pkcs11.CKA_TOKEN, false), one}
		a.made(t, f, "C_CreateObject")(a.p.CreateObject(a.h,
			append(list, a.material(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES)...)))
	}
}
