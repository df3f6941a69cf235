package world

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/shim"
	"byok/internal/hsm/softhsm"
)

// operator is a person with the user PIN and the library, beside the program.
type operator struct {
	t *testing.T
	p *pkcs11.Ctx
	h pkcs11.SessionHandle
}

// tamper gives the place's token to a person with the user PIN.
func (p *place) tamper(t *testing.T, work func(operator)) {
	t.Helper()
	token := initialised(t, p.m)[0]
	ctx := pkcs11.New(p.m.Path) // initialised already, by p.m
	defer ctx.Destroy()
	h := must[pkcs11.SessionHandle](t)(ctx.OpenSession(token.Slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION))
	ok(t, ctx.Login(h, pkcs11.CKU_USER, userPIN))
	work(operator{t, ctx, h})
	ok(t, ctx.Logout(h), ctx.CloseSession(h))
}

func (o operator) find(label string, class uint) pkcs11.ObjectHandle {
	o.t.Helper()
	ok(o.t, o.p.FindObjectsInit(o.h, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_CLASS, class)}))
	found, _, err := o.p.FindObjects(o.h, 2)
	ok(o.t, err, o.p.FindObjectsFinal(o.h))
	if len(found) != 1 {
		o.t.Fatalf("%d objects are %s", len(found), label)
	}
	return found[0]
}

func (o operator) destroy(label string, class uint) {
	o.t.Helper()
	ok(o.t, o.p.DestroyObject(o.h, o.find(label, class)))
}

// plant puts an AES key of a known value in the place of another, with every
// attribute that may be chosen set as the real one has it.
func (o operator) plant(label string, uses bool) {
	o.t.Helper()
	_, err := o.p.CreateObject(o.h, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE, []byte(strings.Repeat("known to me!", 3)[:32])), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		pkcs11.NewAttribute(pkcs11.CKA_ID, []byte("planted")), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true), pkcs11.NewAttribute(pkcs11.CKA_WRAP_WITH_TRUSTED, true),
		pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, uses), pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, uses), pkcs11.NewAttribute(pkcs11.CKA_WRAP, !uses), pkcs11.NewAttribute(pkcs11.CKA_UNWRAP, false),
		pkcs11.NewAttribute(pkcs11.CKA_SIGN, false), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, false), pkcs11.NewAttribute(pkcs11.CKA_DERIVE, false),
		pkcs11.NewAttribute(pkcs11.CKA_MODIFIABLE, uses),
	})
	ok(o.t, err)
}

// generateCopy generates another key on the token and reduces it as the
// program would: it shows what a transfer copy shows.
func (o operator) generateCopy(label string) {
	o.t.Helper()
	all := func(value bool, types ...uint) (list []*pkcs11.Attribute) {
		for _, a := range types {
			list = append(list, pkcs11.NewAttribute(a, value))
		}
		return list
	}
	other, err := o.p.GenerateKey(o.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)},
		append(all(true, pkcs11.CKA_PRIVATE, pkcs11.CKA_SENSITIVE, pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_WRAP_WITH_TRUSTED), pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32)))
	ok(o.t, err)
	_, err = o.p.CopyObject(o.h, other, slices.Concat([]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true)},
		all(false, pkcs11.CKA_SIGN, pkcs11.CKA_DECRYPT, pkcs11.CKA_UNWRAP, pkcs11.CKA_DERIVE, pkcs11.CKA_ENCRYPT, pkcs11.CKA_VERIFY, pkcs11.CKA_WRAP, pkcs11.CKA_MODIFIABLE)))
	ok(o.t, err)
}

// TestPackageAfterTampering: whatever the operator does to the token between
// acl modify and package, no package comes of it; and acl modify can make the
// transfer anew.
func TestPackageAfterTampering(t *testing.T) {
	p, w := newWorld(t)
	kek := newKEK(t, true, "KEKforBYOK")
	p.generate(t, w, "key", hsm.KeySpec{Type: "AES", Bits: 256})
	missing := func(w *World, label string) failure {
		return failure{fmt.Sprintf(`%s is not on the token "test world" (serial %s)`, label, w.Module.Serial), exitcode.HSM, beginAgain}
	}
	for name, c := range map[string]struct {
		tamper func(operator)
		want   func(*World, hsm.Token) failure
	}{
		"copy destroyed": {func(o operator) { o.destroy("key_xferacld_key", pkcs11.CKO_SECRET_KEY) },
			func(w *World, _ hsm.Token) failure { return missing(w, "key_xferacld_key") }},
		"transfer key destroyed": {func(o operator) { o.destroy("byok-transfer_key", pkcs11.CKO_SECRET_KEY) },
			func(w *World, _ hsm.Token) failure { return missing(w, "byok-transfer_key") }},
		"KEK destroyed": {func(o operator) { o.destroy("byok-kek_key", pkcs11.CKO_PUBLIC_KEY) },
			func(w *World, _ hsm.Token) failure { return missing(w, "byok-kek_key") }},
		"a copy of known value": {func(o operator) {
			o.destroy("key_xferacld_key", pkcs11.CKO_SECRET_KEY)
			o.plant("key_xferacld_key", false)
		}, func(_ *World, token hsm.Token) failure {
			return failure{"key_xferacld_key on " + token.String() + " is not the copy that its file describes: it shows the permissions " +
				"EXTRACTABLE SENSITIVE WRAP WRAP_WITH_TRUSTED, not ALWAYS_SENSITIVE EXTRACTABLE LOCAL SENSITIVE WRAP_WITH_TRUSTED", exitcode.Check, ""}
		}},
		"a transfer key of known value": {func(o operator) {
			o.destroy("byok-transfer_key", pkcs11.CKO_SECRET_KEY)
			o.plant("byok-transfer_key", false)
		}, func(*World, hsm.Token) failure {
			return failure{"C_WrapKey of key_xferacld_key under byok-transfer_key: CKR_KEY_NOT_WRAPPABLE", exitcode.HSM, ""}
		}},
		"a copy of another key": {func(o operator) {
			o.destroy("key_xferacld_key", pkcs11.CKO_SECRET_KEY)
			o.generateCopy("key_xferacld_key")
		}, func(_ *World, token hsm.Token) failure {
			return failure{"key_xferacld_key on " + token.String() + " is another key than was generated: the module key wraps it to another backup", exitcode.Check, ""}
		}},
		"two copies": {func(o operator) { o.plant("key_xferacld_key", false) }, func(_ *World, token hsm.Token) failure {
			return failure{"2 objects labelled key_xferacld_key on " + token.String() + ", one was expected", exitcode.HSM, ""}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			must[KeyFile](t)(w.ModifyACL(p.m, p.change(t, w, "key", kek)))
			p.tamper(t, c.tamper)
			dir := t.TempDir()
			_, err := p.pack(t, w, request("key", kek, dir))
			expect(t, err, c.want(w, initialised(t, p.m)[0]))
			expectFiles(t, dir)
			must[KeyFile](t)(w.ModifyACL(p.m, p.change(t, w, "key", kek)))
			_, err = p.pack(t, w, request("key", kek, dir))
			ok(t, err)
			p.expectOnToken(t, "key_simple_key")
		})
	}
}

// TestReplacedKey: another key lies under the label of a key.
func TestReplacedKey(t *testing.T) {
	p, w := newWorld(t)
	kek := newKEK(t, true, "KEKforBYOK")
	p.generate(t, w, "aes", hsm.KeySpec{Type: "AES", Bits: 256})
	p.generate(t, w, "ec", p256)
	p.tamper(t, func(o operator) {
		o.destroy("key_simple_aes", pkcs11.CKO_SECRET_KEY)
		o.plant("key_simple_aes", true)
		o.destroy("key_simple_ec", pkcs11.CKO_PRIVATE_KEY)
		o.destroy("key_simple_ec", pkcs11.CKO_PUBLIC_KEY)
	})
	p.operate(t, w, func(op *Operator) { ok(t, op.user.GenerateKey("key_simple_ec", p256)) })
	for _, ident := range []string{"aes", "ec"} {
		_, err := w.ModifyACL(p.m, p.change(t, w, ident, kek))
		expect(t, err, failure{"key_simple_" + ident + " on " + initialised(t, p.m)[0].String() + " is not the key that its file describes", exitcode.Check, ""})
	}
	p.expectOnToken(t, "key_simple_aes", "key_simple_ec", "key_simple_ec")
}

// TestPossessionNeedsTheKey: a private key under the right identifier beside
// the right public key does not make a package.
func TestPossessionNeedsTheKey(t *testing.T) {
	p, w, kek := ready(t, p256)
	p.tamper(t, func(o operator) { o.destroy("key_simple_key", pkcs11.CKO_PRIVATE_KEY) })
	dir := t.TempDir()
	_, err := p.pack(t, w, request("key", kek, dir))
	expect(t, err, failure{fmt.Sprintf(`key_simple_key is not on the token "test world" (serial %s)`, w.Module.Serial), exitcode.HSM, ""})
	expectFiles(t, dir)
}

// TestTransferAfterAFault has one call of the library fail in acl modify and
// in package; what is left must not hinder the second run.
func TestTransferAfterAFault(t *testing.T) {
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	p := placeOn(t, shim.Build(t), 1)
	w := must[*World](t)(Create(p.m, p.creation(1)))
	kek := newKEK(t, false, "KEKforBYOK")
	p.generate(t, w, "key", p256)
	fault := func(call string, work func()) {
		t.Setenv("SHIM_DO", fmt.Sprintf("fail=0x%x", pkcs11.CKR_DEVICE_ERROR))
		t.Setenv("SHIM_AT", call)
		work()
		t.Setenv("SHIM_AT", "")
	}
	for _, c := range [][2]string{
		{"C_CreateObject", "C_CreateObject of the KEK byok-kek_key as a trusted key"},
		{"C_GenerateKey", "C_GenerateKey of the transfer key byok-transfer_key"},
		{"C_Sign", "signing with byok-knso"},
	} {
		change := p.change(t, w, "key", kek)
		var err error
		fault(c[0], func() { _, err = w.ModifyACL(p.m, change) })
		expect(t, err, failure{c[1] + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
		p.expectOnToken(t, "key_simple_key", "key_simple_key")
		if _, err := os.Stat(p.path("key_xferacld_key")); !os.IsNotExist(err) {
			t.Errorf("%s: %v", c[0], err)
		}
	}
	must[KeyFile](t)(w.ModifyACL(p.m, p.change(t, w, "key", kek)))
	dir := t.TempDir()
	for _, c := range [][2]string{
		{"C_CreateObject#5", "C_CreateObject of a session key to probe with"},
		{"C_WrapKey#9", "C_WrapKey of key_xferacld_key under byok-km"},
		{"C_WrapKey#14", "C_WrapKey of key_xferacld_key under byok-transfer_key"},
		{"C_Sign", "signing with byok-knso"},
		{"C_Sign#3", "signing with key_simple_key"},
	} {
		op := must[*Operator](t)(w.Login(p.m, pin(userPIN)))
		var err error
		fault(c[0], func() { _, err = op.Package(request("key", kek, dir)) })
		ok(t, op.Close())
		expect(t, err, failure{c[1] + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
		expectFiles(t, dir)
	}
	_, err := p.pack(t, w, request("key", kek, dir))
	ok(t, err)
	p.expectOnToken(t, "key_simple_key", "key_simple_key")
}
