package main

import (
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/miekg/pkcs11"
)

// Commands that meet what was done.
const (
	thenCheck   = "world check" + withPINs
	thenPackage = "package --ident ec --out out --subscription-id " + subscription + withPINs
	theQuorum   = withPINs + " --card card1 --card-pin-file secrets/card1 --card card2 --card-pin-file secrets/card2"
	thenSeal    = "ceremony seal" + theQuorum
	thenModify  = "acl modify --ident ec --key-friendly-name Other --approve-unseen $KEK" + theQuorum
	thenAES     = "acl modify --ident aes --key-friendly-name Other --approve-unseen $KEK" + theQuorum
	thenRestore = "key restore --ident ec" + theQuorum
	thenMake    = "key generate --ident new --type EC" + theQuorum
	thenAlone   = "key generate --ident new --type EC --without-quorum" + withPINs
	thenFreeze  = "key freeze --ident ec" + theQuorum
	thenReplace = "world replace-cards --acs-quorum 2/2 --new-holder Dan --new-holder Eve" + theQuorum +
		" --new-card card4 --new-card-pin-file secrets/card4 --new-card card5 --new-card-pin-file secrets/card5"
)

// onTheToken is what the user PIN is good for.
func onTheToken() deeds {
	return deeds{heading: "On the token", who: "the operator, or whoever has the user PIN", list: in(withEC, []deed{
		{name: "destroy KM", state: generated, also: onAnyToken, do: destroying("KM"), then: thenCheck,
			want: `3: trusted objects token "stage" (serial …) lacks byok-km-…-1`},
		{name: "destroy KM", state: generated, also: onAnyToken, do: destroying("KM"), then: thenAlone,
			want: `3: token "stage" (serial …) lacks byok-km-…-1`},
		{name: "destroy KW", state: generated, also: onAnyToken, do: destroying("KW"), then: thenMake,
			want: `3: token "stage" (serial …) lacks byok-kw-…-1`},
		{name: "destroy the anchor", state: generated, also: onAnyToken, do: destroying("anchor"), then: thenCheck,
			want: "3: anchor the token carries none: compare the last statement with the paper"},
		{name: "destroy the anchor", state: generated, also: onAnyToken, do: destroying("anchor"), then: thenSeal,
			want: "2: cannot ask for the number and first word of the last statement, from the paper record: /dev/tty " +
				"cannot be opened and standard input is not a terminal"},
		{name: "destroy KML", state: generated, also: onAnyToken, do: destroying("KML"), then: thenCheck,
			want: `4: byok-kml-… is not on the token "stage" (serial …)`},
		{name: "destroy a key", state: generated, do: destroying("EC key"), then: thenCheck,
			want: `3: key_simple_ec key_simple_ec is not on the token "stage" (serial …)`},
		{name: "change the user PIN (C_SetPIN)", state: generated, also: onAnyToken, do: setUserPIN, then: thenCheck,
			want: `4: wrong user PIN for token "stage" (serial …) (CKR_PIN_INCORRECT); the token counts wrong PINs and ` +
				`will lock it after a few more`, pin: "another PIN"},
		{name: "destroy KM, put an own key in its place", state: generated, also: onAnyToken, do: pretending("KM"), then: thenCheck,
			want: `3: trusted objects token "stage" (serial …) lacks byok-km-…-1`},
		{name: "destroy KM, put an own key in its place", state: generated, also: onAnyToken, do: pretending("KM"), then: thenMake,
			want: `3: token "stage" (serial …) lacks byok-km-…-1`},
		{name: "destroy KW, put an own key in its place", state: generated, also: onAnyToken, do: pretending("KW"), then: thenAlone,
			want: `3: token "stage" (serial …) lacks byok-kw-…-1`},
		{name: "hide an own key under the label of a key", state: generated, do: hideKey, then: thenCheck,
			want: `3: key_simple_ec 2 objects on token "stage" (serial …) are labelled key_simple_ec instead of one`},
		{name: "hide a data object under the label of a key", state: generated, do: hideData, then: thenCheck,
			want: `3: other objects this world did not make data object "key_simple_ec"`},
		{name: "put an own key on the token", state: generated, also: onAnyToken, do: addOwn, then: thenCheck,
			want: `3: other objects this world did not make secret key "own key"`},
		{name: "put another key in the place of a key", state: generated, do: masquerade, then: thenModify,
			want: `3: key_simple_ec on token "stage" (serial …) is not the key that its public key describes`},
		{name: "put another key in the place of a key", state: generated, do: masquerade, then: thenCheck,
			want: `3: key_simple_ec key_simple_ec on token "stage" (serial …) is not the key that its public key describes`},
		{name: "exchange the public half of a key", state: generated, do: otherPublicHalf, then: thenModify,
			want: `3: key_simple_ec on token "stage" (serial …) is not the key that its public key describes`},
		{name: "exchange the public half of a key", state: generated, do: otherPublicHalf, then: thenFreeze,
			want: "0: nothing",
			note: "the private key proves the public key that is recorded; `world check` shows the other"},
		{name: "exchange the labels and CKA_IDs of two keys", state: generated, also: withKeys, do: exchangeNames, then: thenModify,
			want: "4: C_Sign with key_simple_ec: CKR_GENERAL_ERROR"},
		{name: "turn on a use of a key", state: generated, also: withKeys, do: turnOn, then: thenCheck,
			want: "3: key_simple_aes the token shows ALWAYS_SENSITIVE DECRYPT DERIVE ENCRYPT EXTRACTABLE LOCAL " +
				"MODIFIABLE SENSITIVE UNWRAP WRAP_WITH_TRUSTED, and ALWAYS_SENSITIVE DECRYPT ENCRYPT EXTRACTABLE LOCAL " +
				"MODIFIABLE SENSITIVE WRAP_WITH_TRUSTED was recorded"},
		{name: "turn on a use of a key", state: generated, also: withKeys, do: turnOn, then: thenAES, want: "0: nothing",
			note: "the copy has every use off"},
		{name: "change the label of a key", state: generated, also: withKeys, do: relabel, then: thenCheck,
			want: `3: key_simple_aes key_simple_aes is not on the token "stage" (serial …)`},
		{name: "sign anything with KML", state: generated, also: but(onAnyToken, recovered), do: signAnything, then: thenCheck, want: "0: nothing",
			note: "what only KML signed is never shown to a quorum as a fact"},
		{name: "use a key: sign, decrypt", state: generated, also: withKeys, do: useKeys, then: thenCheck, want: "0: nothing",
			note: "that is what the PIN is for"},
		{name: "wrap a key under KM and KW", state: generated, also: withKeys, do: wrapUnderKM, then: thenCheck, want: "0: nothing",
			note: "a backup; K cards open it"},
	}...)}
}

func destroying(role string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		s.besiege(t, func(a *attacker) { a.must(t, a.p.DestroyObject(a.h, a.only(t, role).handle)) })
	}
}

func setUserPIN(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) { a.must(t, a.p.SetPIN(a.h, stagePIN, "another PIN")) })
}

func pretending(role string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		s.besiege(t, func(a *attacker) {
			o := a.only(t, role)
			id := a.value(t, o.handle, pkcs11.CKA_ID)
			a.must(t, a.p.DestroyObject(a.h, o.handle))
			a.lookAlike(t, o.label, id)
		})
	}
}

func hideKey(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) { a.lookAlike(t, a.only(t, "EC key").label, []byte{1}) })
}

func addOwn(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) { a.lookAlike(t, "own key", []byte{1}) })
}

func hideData(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) {
		_, err := a.p.CreateObject(a.h, []*pkcs11.Attribute{
			attr(pkcs11.CKA_CLASS, uint(pkcs11.CKO_DATA)), attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_PRIVATE, true),
			attr(pkcs11.CKA_LABEL, a.only(t, "EC key").label), attr(pkcs11.CKA_VALUE, []byte("hidden")),
		})
		a.must(t, err)
	})
}

// masquerade puts the attacker's own EC key in the place of one of the world.
func masquerade(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) {
		victim := a.only(t, "EC key")
		id := a.value(t, victim.handle, pkcs11.CKA_ID)
		a.must(t, a.p.DestroyObject(a.h, victim.handle))
		a.keep(t, victim.label, id, pkcs11.CKO_PRIVATE_KEY)
	})
}

// keep puts the attacker's EC key on the token, made like a key of the world.
func (a *attacker) keep(t testing.TB, label string, id []byte, class uint) {
	t.Helper()
	list := []*pkcs11.Attribute{
		attr(pkcs11.CKA_CLASS, class), attr(pkcs11.CKA_KEY_TYPE, uint(pkcs11.CKK_EC)), attr(pkcs11.CKA_TOKEN, true),
		attr(pkcs11.CKA_LABEL, label), attr(pkcs11.CKA_ID, id),
	}
	if class == pkcs11.CKO_PRIVATE_KEY {
		list = append(list, attr(pkcs11.CKA_PRIVATE, true), attr(pkcs11.CKA_SENSITIVE, true),
			attr(pkcs11.CKA_EXTRACTABLE, true),
			attr(pkcs11.CKA_WRAP_WITH_TRUSTED, true), attr(pkcs11.CKA_SIGN, true))
	} else {
		list = append(list, attr(pkcs11.CKA_VERIFY, true))
	}
	_, err := a.p.CreateObject(a.h, append(list, a.material(class, pkcs11.CKK_EC)...))
	a.must(t, err)
}

// otherPublicHalf leaves the private key and exchanges what is shown of it.
func otherPublicHalf(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) {
		label := a.only(t, "EC key").label
		for _, o := range a.found(t, attr(pkcs11.CKA_LABEL, label), attr(pkcs11.CKA_CLASS, uint(pkcs11.CKO_PUBLIC_KEY))) {
			id := a.value(t, o, pkcs11.CKA_ID)
			a.must(t, a.p.DestroyObject(a.h, o))
			a.keep(t, label, id, pkcs11.CKO_PUBLIC_KEY)
		}
	})
}

// exchangeNames gives the private keys of two kept keys each other's names.
func exchangeNames(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) { a.exchange(t, a.only(t, "EC key"), a.only(t, "RSA key")) })
}

func (a *attacker) exchange(t testing.TB, one, other object) {
	id := a.value(t, one.handle, pkcs11.CKA_ID)
	otherID := a.value(t, other.handle, pkcs11.CKA_ID)
	for _, change := range []struct {
		o     object
		label string
		id    []byte
	}{{one, other.label, otherID}, {other, one.label, id}} {
		list := []*pkcs11.Attribute{attr(pkcs11.CKA_LABEL, change.label), attr(pkcs11.CKA_ID, change.id)}
		a.must(t, a.p.SetAttributeValue(a.h, change.o.handle, list))
	}
}

func turnOn(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) {
		list := []*pkcs11.Attribute{attr(pkcs11.CKA_UNWRAP, true), attr(pkcs11.CKA_DERIVE, true)}
		a.must(t, a.p.SetAttributeValue(a.h, a.only(t, "AES key").handle, list))
	})
}

func relabel(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) {
		list := []*pkcs11.Attribute{attr(pkcs11.CKA_LABEL, "key_simple_other")}
		a.must(t, a.p.SetAttributeValue(a.h, a.only(t, "AES key").handle, list))
	})
}

// signKML signs as the program does: the operator can have KML sign anything.
func (a *attacker) signKML(t testing.TB, message []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(message)
	a.must(t, a.p.SignInit(a.h, by(pkcs11.CKM_ECDSA, nil), a.only(t, "KML").handle))
	raw, err := a.p.Sign(a.h, digest[:])
	a.must(t, err)
	return derSignature(raw)
}

func derSignature(raw []byte) []byte {
	half := len(raw) / 2
	// two integers always encode
	der, _ := asn1.Marshal([]*big.Int{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])})
	return der
}

func signAnything(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) { a.signKML(t, []byte("anything")) })
}

func useKeys(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) {
		var f finding
		signing(a, t, a.only(t, "EC key"), &f)
		signing(a, t, a.only(t, "RSA key"), &f)
		decrypting(a, t, a.only(t, "AES key"), &f)
		if len(f.Through) != 3 {
			t.Error(f.Codes)
		}
	})
}

func wrapUnderKM(t *testing.T, s *stage) {
	s.besiege(t, func(a *attacker) {
		var f finding
		a.wrap(&f, "", rsaWraps()[1:], a.only(t, "KM").handle, a.only(t, "AES key"))
		a.wrap(&f, "", [][]*pkcs11.Mechanism{rfc5649()}, a.only(t, "KW").handle, a.only(t, "RSA key"))
		if len(f.Codes) != 1 || f.Codes[0] != "CKR_OK" {
			t.Error(f.Codes)
		}
	})
}
