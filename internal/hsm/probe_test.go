package hsm

import (
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

func TestProbesPassOnAnHonestToken(t *testing.T) {
	m, token := world(t)
	trust(t, m, token, newKEK(t, 2048))
	u := asUser(t, m, token)
	for name, probe := range map[string]func() error{
		"trust": u.ProbeTrust, "OAEP": u.ProbeOAEP,
		"module key":   func() error { return u.ProbeModuleKey("km") },
		"transfer key": func() error { return u.ProbeTransferKey("transfer") },
		"KEK":          func() error { return u.ProbeKEK("kek") },
	} {
		if err := probe(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const (
	dishonest  = " does not hold its restrictions: "
	otherToken = "use another module: byok-offline module check says what it lacks"
)

// with returns the template with one attribute changed.
func (t Template) with(attribute uint, value bool) Template {
	for i := range t {
		if t[i].Type == attribute {
			t[i].Value = value
		}
	}
	return t
}

// TestProbesSeeAMissingProperty makes each object with one attribute other
// than it must be.
func TestProbesSeeAMissingProperty(t *testing.T) {
	m, token := world(t)
	probes, wants := map[string]func(*User, string) error{}, map[string]string{}
	asOfficer(t, m, token, func(so *SecurityOfficer) error {
		for name, kind := range wrappingKinds(newKEK(t, 2048).public.N.Bytes()) {
			for _, a := range kind.template() {
				if a.Type == pkcs11.CKA_TOKEN || a.Type == pkcs11.CKA_PRIVATE {
					continue // the SO cannot make them otherwise, or they are not found later
				}
				label := fmt.Sprintf("%s without CKA_%s=%t", name, a.Name, a.Value)
				if _, err := so.p.CreateObject(so.h, kind.template().with(a.Type, !a.Value).raw(append(naming(label, newID()), kind.value...)...)); err != nil {
					return fmt.Errorf("%s: %w", label, err)
				}
				probes[label], wants[label] = kind.probe, shown(token, label, a)
			}
		}
		return nil
	})
	u := asUser(t, m, token)
	for label, probe := range probes {
		expect(t, probe(u, label), failure{wants[label], exitcode.HSM, ""})
	}
	t.Logf("%d objects with a fault each", len(probes))
}

// shown says that the attribute is not as it must be.
func shown(token Token, label string, a Attribute) string {
	return fmt.Sprintf("%v shows CKA_%s=%t on %s, %t was asked for (%s)", token, a.Name, !a.Value, label, a.Value, a.Why)
}

type wrappingKind struct {
	template func() Template
	value    []*pkcs11.Attribute
	probe    func(*User, string) error
}

// wrappingKinds are the objects that the SO makes. The transfer key is made by
// value here, which shows the same attributes.
func wrappingKinds(modulus []byte) map[string]wrappingKind {
	aes := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE, random(32)),
	}
	rsa := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA),
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS, modulus), pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}),
	}
	return map[string]wrappingKind{
		"module key":   {moduleKeyTemplate, aes, (*User).ProbeModuleKey},
		"transfer key": {transferKeyTemplate, aes, (*User).ProbeTransferKey},
		"KEK":          {kekTemplate, rsa, (*User).ProbeKEK},
	}
}

// TestProbesSeeAWeakKey does the same to keys that the operator makes.
func TestProbesSeeAWeakKey(t *testing.T) {
	m, token := world(t)
	u := asUser(t, m, token)
	for _, spec := range []KeySpec{{Type: "EC", Curve: "P-256K"}, {Type: "AES", Bits: 256}} {
		for _, a := range keptKeyTemplate() {
			if a.Type == pkcs11.CKA_TOKEN {
				continue // a session key is no key of the world's: it is not found
			}
			label := fmt.Sprintf("%s without CKA_%s=%t", spec.Type, a.Name, a.Value)
			weakKey(t, u, label, spec, a.Type, !a.Value)
			key := must[Key](t)(u.FindKey(label))
			expect(t, u.ProbeKey(key), failure{shown(token, label, a), exitcode.HSM, ""})
		}
	}
}

// weakKey generates a key with one attribute other than it must be.
func weakKey(t *testing.T, u *User, label string, spec KeySpec, attribute uint, value bool) {
	t.Helper()
	var err error
	if spec.Secret() {
		_, err = u.p.GenerateKey(u.h, mechanism(pkcs11.CKM_AES_KEY_GEN),
			secretKeyTemplate().with(attribute, value).raw(append(naming(label, newID()), pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, spec.Bits/8))...))
	} else {
		err = u.generateP256K(newID(), label, publicKeyTemplate(false), privateKeyTemplate(false).with(attribute, value))
	}
	if err != nil {
		t.Fatalf("%s: %v", label, err)
	}
}

func TestProbesSeeAWideCopy(t *testing.T) {
	m, token := world(t)
	u := asUser(t, m, token)
	for name, spec := range map[string]KeySpec{"ec": {Type: "EC", Curve: "P-256"}, "aes": {Type: "AES", Bits: 128}} {
		key := generate(t, u, name, spec)
		for _, a := range transferCopyTemplate(spec.Secret()) {
			label := fmt.Sprintf("copy of %s without CKA_%s=%t", name, a.Name, a.Value)
			template := transferCopyTemplate(spec.Secret()).with(a.Type, !a.Value)
			if _, err := u.p.CopyObject(u.h, key.object, template.raw(pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))); err != nil {
				t.Fatalf("%s: %v", label, err)
			}
			wide := must[Key](t)(u.FindKey(label))
			expect(t, u.ProbeCopy(wide), failure{shown(token, label, a), exitcode.HSM, ""})
		}
	}
}

// TestProbesSeeWhatCanBeUndone gives each try to undo a restriction an object
// on which it succeeds.
func TestProbesSeeWhatCanBeUndone(t *testing.T) {
	m, token := world(t)
	u := must[*User](t)(m.User(token, pin(userPIN)))
	generate(t, u, "aes", KeySpec{Type: "AES", Bits: 128})
	generate(t, u, "ec", KeySpec{Type: "EC", Curve: "P-256"})
	generate(t, u, "rsa", KeySpec{Type: "RSA", Bits: 2048})
	weakKey(t, u, "readable", KeySpec{Type: "AES", Bits: 128}, pkcs11.CKA_SENSITIVE, false)
	weakKey(t, u, "wrappable", KeySpec{Type: "AES", Bits: 128}, pkcs11.CKA_WRAP_WITH_TRUSTED, false)
	weakKey(t, u, "opener", KeySpec{Type: "AES", Bits: 256}, pkcs11.CKA_UNWRAP, true)
	set(t, u, "opener", pkcs11.CKA_WRAP, true)
	set(t, u, "rsa", pkcs11.CKA_SIGN, false)
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	for what, c := range undone() {
		t.Run(what, func(t *testing.T) {
			u := asUser(t, m, token)
			key := must[Key](t)(u.FindKey(c.label))
			expect(t, c.probe(u, key), failure{u.Token.String() + dishonest + what, exitcode.HSM, otherToken})
		})
	}
}

func set(t *testing.T, u *User, label string, attribute uint, value bool) {
	t.Helper()
	key := must[Key](t)(u.FindKey(label))
	if err := u.p.SetAttributeValue(u.h, key.object, []*pkcs11.Attribute{pkcs11.NewAttribute(attribute, value)}); err != nil {
		t.Fatal(err)
	}
}

type undo struct {
	label string
	probe func(*User, Key) error
}

func undone() map[string]undo {
	holds := func(a Attribute) func(*User, Key) error {
		return func(u *User, k Key) error { return u.holds(k.object, k.Label, Template{a}) }
	}
	return map[string]undo{
		"CKA_DECRYPT of aes could be set to false (why)":                  {"aes", holds(Attribute{pkcs11.CKA_DECRYPT, "DECRYPT", true, true, "why"})},
		"ec could be copied with CKA_MODIFIABLE=false (why)":              {"ec", holds(Attribute{pkcs11.CKA_MODIFIABLE, "MODIFIABLE", true, true, "why"})},
		"the value of readable could be read":                             {"readable", func(u *User, k Key) error { return u.refusesReading(k.object, k.Label, pkcs11.CKA_VALUE) }},
		"wrappable could be wrapped under an AES key that nobody trusted": {"wrappable", func(u *User, k Key) error { return u.refusesUntrustedWrap(k.object, k.Label) }},
		"opener unwrapped a blob although CKA_UNWRAP is false":            {"opener", func(u *User, k Key) error { return u.refusesUnwrap(k.object, k.Label) }},
		"aes encrypts although CKA_ENCRYPT is false":                      {"aes", (*User).refusesUse},
		"ec signs although CKA_SIGN is false":                             {"ec", (*User).refusesUse},
		"rsa decrypts although CKA_DECRYPT is false":                      {"rsa", (*User).refusesUse},
	}
}
