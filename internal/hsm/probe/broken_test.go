package probe

import (
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/wrapping"
)

const dishonest = "does not enforce its restrictions: "

// TestRoutesToTrust opens one route for the user at a time.
func TestRoutesToTrust(t *testing.T) {
	for _, c := range []struct{ open, want string }{
		{"C_CreateObject", "an AES key trusted with C_CreateObject, as a session object"},
		{"C_CreateObject:pub", "an RSA key trusted with C_CreateObject, as a session object"},
		{"C_GenerateKey", "an AES key trusted with C_GenerateKey, as a session object"},
		{"C_GenerateKeyPair", "an RSA key trusted with C_GenerateKeyPair, as a session object"},
		{"C_UnwrapKey", "an AES key trusted with C_UnwrapKey, as a session object"},
		{"C_CopyObject", "an AES key trusted with C_CopyObject, as a session object"},
		{"C_SetAttributeValue", "an AES key trusted with C_SetAttributeValue, as a session object"},
	} {
		t.Run(c.open, func(t *testing.T) {
			if c.open != "C_GenerateKeyPair" {
				withoutSlowRoute(t)
			}
			r := newRig(t)
			t.Setenv("SHIM_TRUST", c.open)
			expect(t, r.Trust(), dishonest+"the user can make "+c.want, otherModule)
		})
	}
}

// TestTrustThatIsDropped: a module that accepts TRUSTED and does not set it
// gives nothing away.
func TestTrustThatIsDropped(t *testing.T) {
	withoutSlowRoute(t)
	r := newRig(t)
	t.Setenv("SHIM_TRUST", "C_CreateObject,C_GenerateKey,C_UnwrapKey,C_CopyObject,C_SetAttributeValue")
	t.Setenv("SHIM_REPORT", "0x86=0")
	ok(t, r.Trust())
}

// TestEveryWrapping has one mechanism at a time forget WRAP_WITH_TRUSTED: a
// token that wraps with it is seen, whatever the others do.
func TestEveryWrapping(t *testing.T) {
	r := newRig(t)
	listed, tried := must[map[uint]bool](t)(r.listed()), 0
	key := r.aes(t)
	for _, w := range wrapping.Table {
		m := w.Number()
		if !listed[m] {
			continue
		}
		tried++
		t.Setenv("SHIM_UNTRUSTED_WRAP", fmt.Sprintf("0x%x", m))
		expect(t, r.WrapWithTrusted(key),
			fmt.Sprintf("%skey can be wrapped with %s under %s that is not trusted", dishonest, w.Name, w.Key), otherModule)
	}
	if tried < 5 {
		t.Errorf("%d mechanisms tried", tried)
	}
}

// TestWrappingWithParameters leaves the token one mechanism to wrap with, whose
// parameters are the probe's own: its control must work.
func TestWrappingWithParameters(t *testing.T) {
	t.Setenv("SHIM_HIDE_MECHANISMS", "0x1,0x3,0x9,0x1081,0x1082,0x1085,0x131,0x132,0x133,0x136,0x2109,0x210A")
	r := newRig(t)
	for _, c := range []struct{ number, name string }{
		{"0x1086", "CKM_AES_CTR"}, {"0x1087", "CKM_AES_GCM"}, {"0x1088", "CKM_AES_CCM of 32 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SHIM_WRAP", c.number)
			r.forget()
			for _, k := range []Target{r.aes(t), r.pair(t, kind(t, "P-256"))} {
				ok(t, r.WrapWithTrusted(k))
			}
			t.Setenv("SHIM_UNTRUSTED_WRAP", c.number)
			expect(t, r.WrapWithTrusted(r.aes(t)),
				dishonest+"key can be wrapped with "+c.name+" under an AES key that is not trusted", otherModule)
		})
	}
}

// broken is a promise that the shim breaks, and the probe that must see it.
type broken struct {
	name     string
	switches map[string]string
	probe    func(*testing.T, *rig) error
	want     string
	hint     string
}

func weak(word string) map[string]string { return map[string]string{"SHIM_WEAK": word} }

var brokenPromises = []broken{
	{
		"WRAP_WITH_TRUSTED", weak("wrap-with-trusted"),
		func(t *testing.T, r *rig) error { return r.WrapWithTrusted(r.pair(t, kind(t, "P-256"))) },
		dishonest + "key can be wrapped with CKM_AES_KEY_WRAP under an AES key that is not trusted", otherModule,
	},
	{
		"MODIFIABLE", weak("modifiable"), func(_ *testing.T, r *rig) error { return r.Frozen(r.kw) },
		dishonest + "CKA_UNWRAP of KW can be set to true (opens nothing)", otherModule,
	},
	{
		"COPYABLE", map[string]string{"SHIM_WEAK": "modifiable", "SHIM_COPIES": "plain"},
		func(_ *testing.T, r *rig) error { return r.Frozen(r.kw) },
		dishonest + "KW can be copied to the session, where the copy is trusted as well and outlives it", otherModule,
	},
	{
		"SENSITIVE", weak("sensitive"), func(t *testing.T, r *rig) error { return r.Unreadable(r.aes(t), pkcs11.CKA_VALUE) },
		dishonest + "the value of key can be read", otherModule,
	},
	{
		"UNWRAP", weak("unwrap"), func(_ *testing.T, r *rig) error { return r.WrapsOnly(r.kw) },
		dishonest + "KW unwraps what it has wrapped", otherModule,
	},
	{
		"DECRYPT", weak("decrypt"), func(_ *testing.T, r *rig) error { return r.WrapsOnly(r.kw) },
		dishonest + "KW decrypts", otherModule,
	},
	{
		"SIGN of a copy", weak("sign"), useOf("P-256"), dishonest + "key signs although CKA_SIGN is false", otherModule,
	},
	{
		"DECRYPT of a copy", weak("decrypt"), useOf("RSA-2048"),
		dishonest + "key decrypts although CKA_DECRYPT is false", otherModule,
	},
	{
		"attributes shown", map[string]string{"SHIM_REPORT": "0x162=1"},
		func(_ *testing.T, r *rig) error { return r.Frozen(r.kw) },
		"shows CKA_EXTRACTABLE=true on KW instead of false (never leaves)", "",
	},
	{
		"OAEP hash", map[string]string{"SHIM_WEAK": "sensitive", "SHIM_OAEP_HASH": "0x250"},
		func(_ *testing.T, r *rig) error { return r.TwoSteps() },
		"does not use SHA-1 in RSA-OAEP when asked to, which the vault needs", "",
	},
	{
		"OAEP hash in one call", map[string]string{"SHIM_RSA_AES": "1", "SHIM_RSA_AES_HASH": "0x250"},
		func(_ *testing.T, r *rig) error { return r.OneCall() },
		"does not use SHA-1 in CKM_RSA_AES_KEY_WRAP when asked to, which the vault needs", "",
	},
	{
		"no RFC 5649", map[string]string{"SHIM_HIDE_MECHANISMS": "0x210A"},
		func(_ *testing.T, r *rig) error { return r.TwoSteps() },
		"offers no AES key wrap with padding as in RFC 5649: CKM_AES_KEY_WRAP_KWP: not listed; " +
			"CKM_AES_KEY_WRAP_PAD: not listed", "",
	},
}

// useOf probes a transfer copy of a kind whose original may sign and decrypt.
func useOf(name string) func(*testing.T, *rig) error {
	return func(t *testing.T, r *rig) error {
		k := kind(t, name)
		frozen := append(useless(), p11.Has(pkcs11.CKA_MODIFIABLE, false, "is frozen"))
		return r.Useless(r.pair(t, k, frozen...), k, r.pair(t, k).Object)
	}
}

// TestBrokenPromises: the token is made with the promise broken, as it would be
// on such a module.
func TestBrokenPromises(t *testing.T) {
	for _, c := range brokenPromises {
		t.Run(c.name, func(t *testing.T) {
			for variable, value := range c.switches {
				t.Setenv(variable, value)
			}
			r := newRig(t)
			expect(t, c.probe(t, r), c.want, c.hint)
		})
	}
}

// TestWhatCanBeUndone gives each attempt an object on which it succeeds.
func TestWhatCanBeUndone(t *testing.T) {
	r := newRig(t)
	key := r.aes(t, used()...)
	for _, c := range []struct {
		name, want string
		try        func() error
	}{
		{
			"set", "CKA_DECRYPT of key can be set to false (why)",
			func() error { return r.refusesSetting(key, p11.Stays(pkcs11.CKA_DECRYPT, true, "why")) },
		},
		{
			"copy to the session", "key can be copied to the session with CKA_ENCRYPT=false (why)",
			func() error { return r.refusesCopy(key, p11.Stays(pkcs11.CKA_ENCRYPT, true, "why"), p11.SessionObject) },
		},
		{
			"copy to the token", "key can be copied to the token with CKA_MODIFIABLE=false (why)",
			func() error {
				return r.refusesCopy(key, p11.Stays(pkcs11.CKA_MODIFIABLE, true, "why"), p11.TokenObject)
			},
		},
		{"wrap", "KM wraps", func() error { return r.WrapsNothing(r.km) }},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, c.try(), dishonest+c.want, otherModule) })
	}
	if left := r.labels(t); len(left) != 3 {
		t.Errorf("on the token: %q", left)
	}
}

// TestCopyWithoutTrust: a copy of a public key that is not trusted gains
// nothing, for anyone can make one.
func TestCopyWithoutTrust(t *testing.T) {
	r := newRig(t)
	plain := must[p11.Object](t)(r.plain(p11.PublicKey))
	target := Target{plain, "RSA key", p11.PublicKey, nil}
	ok(t, r.refusesCopy(target, p11.Stays(pkcs11.CKA_WRAP, true, "why"), p11.SessionObject))
}

func TestOneCall(t *testing.T) {
	t.Setenv("SHIM_RSA_AES", "1")
	r := newRig(t)
	ok(t, r.OneCall())
	t.Setenv("SHIM_RSA_AES", "")
	err := r.OneCall()
	if err == nil || err.Error() != "C_WrapKey of a worthless key with CKM_RSA_AES_KEY_WRAP: CKR_MECHANISM_INVALID" {
		t.Errorf("%v", err)
	}
	_, err = r.opens(attacker(), []byte("short"))
	expect(t, err,
		"does not use SHA-1 in CKM_RSA_AES_KEY_WRAP when asked to, which the vault needs", "")
}
