package token_test

import (
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/policy/token"
)

// module is SoftHSM with other answers.
func module(change func(*token.Module)) token.Module {
	m := token.SoftHSM()
	change(&m)
	return m
}

// Modules that answer one call in another way than SoftHSM.
var (
	weak      = module(func(m *token.Module) { m.TrustByUser, m.UndoesOneWay, m.IgnoresWWT = true, true, true })
	thawing   = module(func(m *token.Module) { m.SetsFrozen = true })
	unknowing = module(func(m *token.Module) { m.KnowsCopyable, m.Copies = false, token.PlainCopies })
)

// Attributes of templates.
var (
	trusted     = token.Has(pkcs11.CKA_TRUSTED, true)
	notPrivate  = token.Has(pkcs11.CKA_PRIVATE, false)
	sensitive   = token.Has(pkcs11.CKA_SENSITIVE, true)
	readable    = token.Has(pkcs11.CKA_SENSITIVE, false)
	extractable = token.Has(pkcs11.CKA_EXTRACTABLE, true)
	kept        = token.Has(pkcs11.CKA_EXTRACTABLE, false)
	guarded     = token.Has(pkcs11.CKA_WRAP_WITH_TRUSTED, true)
	unguarded   = token.Has(pkcs11.CKA_WRAP_WITH_TRUSTED, false)
	modifiable  = token.Has(pkcs11.CKA_MODIFIABLE, true)
	frozen      = token.Has(pkcs11.CKA_MODIFIABLE, false)
	uncopyable  = token.Has(p11.Copyable, false)
	onToken     = token.Has(pkcs11.CKA_TOKEN, true)
	unwraps     = token.Has(pkcs11.CKA_UNWRAP, true)
)

// TestMake: who may make what, and what it has.
func TestMake(t *testing.T) {
	const user, officer = pkcs11.CKU_USER, pkcs11.CKU_SO
	const byDefault = token.Modifiable | token.Copyable
	const ofSecret = token.Wrap | token.Unwrap | token.Encrypt | token.Decrypt | token.Sign | token.Verify
	strict := module(func(m *token.Module) { m.UsesByDefault = false })
	for _, test := range []struct {
		name     string
		module   token.Module
		role     uint
		class    p11.Class
		template p11.Template
		want     token.Attrs
		made     bool
	}{
		{"a secret key, by default", token.SoftHSM(), user, p11.SecretKey, nil, byDefault | token.Private | ofSecret, true},
		{"a public key, by default", token.SoftHSM(), user, p11.PublicKey, nil,
			byDefault | token.Wrap | token.Encrypt | token.Verify | token.VerifyRecover, true},
		{"a private key, by default", token.SoftHSM(), user, p11.PrivateKey, nil,
			byDefault | token.Private | token.Unwrap | token.Decrypt | token.Sign | token.SignRecover, true},
		{"no use by default", strict, user, p11.SecretKey, nil, byDefault | token.Private, true},
		{"a template", strict, user, p11.SecretKey, p11.Template{notPrivate, frozen, unwraps},
			token.Copyable | token.Unwrap, true},
		{"trusted, by the user", token.SoftHSM(), user, p11.SecretKey, p11.Template{trusted}, 0, false},
		{"trusted, by the user of a weak module", weak, user, p11.PublicKey, p11.Template{trusted, frozen},
			token.Copyable | token.Trusted | token.Wrap | token.Encrypt | token.Verify | token.VerifyRecover, true},
		{"trusted, by the SO", strict, officer, p11.SecretKey, p11.Template{trusted, notPrivate},
			byDefault | token.Trusted, true},
		{"private, by the SO", token.SoftHSM(), officer, p11.SecretKey, p11.Template{trusted}, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, made := test.module.Make(test.role, test.class, test.template); got != test.want || made != test.made {
				t.Errorf("%b, %t, want %b, %t", got, made, test.want, test.made)
			}
		})
	}
}

// changes are what a user tries to change, and on which modules it works.
var changes = []struct {
	name   string
	module token.Module
	attrs  token.Attrs // before
	change p11.Attribute
	set    bool // by C_SetAttributeValue
	copied bool // by C_CopyObject
}{
	{"a use", token.SoftHSM(), token.Modifiable | token.Copyable, unwraps, true, true},
	{"a use of a frozen object", token.SoftHSM(), token.Copyable, unwraps, false, false},
	{"a use of a frozen object, where copies may differ", token.Standard(), token.Copyable, unwraps, false, true},
	{"a use of a frozen object, where copies may not differ", unknowing, 0, unwraps, false, false},
	{"a use of a frozen object that thaws", thawing, token.Copyable, unwraps, true, false},
	{"a use of an object that cannot be copied", token.SoftHSM(), token.Modifiable, unwraps, true, false},
	{"the place", token.SoftHSM(), token.Modifiable | token.Copyable, onToken, false, true},
	{"the place of a frozen object", unknowing, 0, onToken, false, true},
	{"MODIFIABLE, back", token.Standard(), token.Copyable, modifiable, false, true},
	{"MODIFIABLE, away", token.SoftHSM(), token.Modifiable | token.Copyable, frozen, false, true},
	{"COPYABLE, away", token.Standard(), token.Modifiable | token.Copyable, uncopyable, true, true},
	{"COPYABLE, left out of the copy", token.SoftHSM(), token.Modifiable | token.Copyable, uncopyable, false, true},
	{"TRUSTED", token.SoftHSM(), token.Modifiable | token.Copyable, trusted, false, false},
	{"TRUSTED, weak", weak, token.Modifiable | token.Copyable, trusted, true, true},
	{"SENSITIVE", token.SoftHSM(), token.Modifiable | token.Copyable, sensitive, true, true},
	{"SENSITIVE, undone", token.SoftHSM(), token.Modifiable | token.Copyable | token.Sensitive, readable, false, false},
	{"SENSITIVE, undone, weak", weak, token.Modifiable | token.Copyable | token.Sensitive, readable, true, true},
	{"EXTRACTABLE=false", token.SoftHSM(), token.Modifiable | token.Copyable | token.Extractable, kept, true, true},
	{"EXTRACTABLE=false, undone", token.SoftHSM(), token.Modifiable | token.Copyable, extractable, false, false},
	{"EXTRACTABLE=false, undone, weak", weak, token.Modifiable | token.Copyable, extractable, true, true},
	{"WRAP_WITH_TRUSTED, late", token.SoftHSM(), token.Modifiable | token.Copyable, guarded, false, false},
	{"WRAP_WITH_TRUSTED, late, where that works", token.OpenCryptoki(), token.Modifiable | token.Copyable, guarded, true, true},
	{"WRAP_WITH_TRUSTED, undone", token.SoftHSM(), token.Modifiable | token.Copyable | token.WrapWithTrusted, unguarded, false, false},
	{"WRAP_WITH_TRUSTED, undone, weak", weak, token.Modifiable | token.Copyable | token.WrapWithTrusted, unguarded, true, true},
}

// TestSet: what C_SetAttributeValue changes.
func TestSet(t *testing.T) {
	for _, test := range changes {
		t.Run(test.name, func(t *testing.T) {
			o := token.Object{Value: aes, Class: p11.SecretKey, Attrs: test.attrs}
			got, set := test.module.Set(o, test.change)
			if want := test.attrs.With(p11.Template{test.change}); got != want || set != test.set {
				t.Errorf("%b, %t, want %b, %t", got, set, want, test.set)
			}
		})
	}
}

// TestCopy: what a copy may change. What a module does not take in a copy is
// left out of its template.
func TestCopy(t *testing.T) {
	for _, test := range changes {
		t.Run(test.name, func(t *testing.T) {
			o := token.Object{Value: aes, Class: p11.SecretKey, Attrs: test.attrs}
			template := p11.Template{test.change}
			if test.change.Type == p11.Copyable && !test.module.CopyableInCopy {
				template = nil
			}
			want := test.attrs.With(template)
			if !test.copied {
				template, want = nil, 0
			}
			got, made, copied := test.module.Copy(o, p11.Template{test.change})
			if got != want || !slices.Equal(made, template) || copied != test.copied {
				t.Errorf("%b, %v, %t, want %b, %v, %t", got, made, copied, want, template, test.copied)
			}
		})
	}
}

// TestTakes: a module that does not know COPYABLE is not given it.
func TestTakes(t *testing.T) {
	whole := p11.Template{sensitive, uncopyable}
	if got := token.SoftHSM().Takes(whole); !slices.Equal(got, whole) {
		t.Errorf("%v, want %v", got, whole)
	}
	if got, want := unknowing.Takes(whole), whole[:1]; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestWraps: which key wraps which, and by which mechanism.
func TestWraps(t *testing.T) {
	key := func(attrs token.Attrs) token.Object {
		return token.Object{Value: aes, Class: p11.SecretKey, Attrs: attrs, Mechanism: p11.NoMechanism}
	}
	half := token.Object{Value: rsa, Class: p11.PublicKey, Attrs: token.Extractable, Mechanism: p11.NoMechanism}
	bound := key(token.Wrap)
	bound.Mechanism = pkcs11.CKM_AES_ECB
	const held = token.Extractable | token.WrapWithTrusted
	for _, test := range []struct {
		name      string
		module    token.Module
		under, of token.Object
		want      bool
	}{
		{"an extractable key", token.SoftHSM(), key(token.Wrap), key(token.Extractable), true},
		{"a key that stays", token.SoftHSM(), key(token.Wrap), key(0), false},
		{"a public key", token.SoftHSM(), key(token.Wrap), half, false},
		{"under a key that does not wrap", token.SoftHSM(), key(token.Unwrap), key(token.Extractable), false},
		{"under a key for another mechanism", token.SoftHSM(), bound, key(token.Extractable), false},
		{"WRAP_WITH_TRUSTED", token.SoftHSM(), key(token.Wrap), key(held), false},
		{"WRAP_WITH_TRUSTED, under a trusted key", token.SoftHSM(), key(token.Wrap | token.Trusted), key(held), true},
		{"WRAP_WITH_TRUSTED, ignored", weak, key(token.Wrap), key(held), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.module.Wraps(test.under, test.of, p11.KWP); got != test.want {
				t.Errorf("%t, want %t", got, test.want)
			}
		})
	}
}

// TestMechanisms: how a key is wrapped, by the types of both.
func TestMechanisms(t *testing.T) {
	public := func(k token.Key) token.Object { return token.Object{Value: k, Class: p11.PublicKey} }
	secret, private := token.Object{Value: aes, Class: p11.SecretKey}, token.Object{Value: ec, Class: p11.PrivateKey}
	const oaep, both = pkcs11.CKM_RSA_PKCS_OAEP, pkcs11.CKM_RSA_AES_KEY_WRAP
	for _, test := range []struct {
		name      string
		module    token.Module
		under, of token.Object
		want      []uint
	}{
		{"AES under AES", token.SoftHSM(), secret, secret, []uint{p11.KWP}},
		{"EC under AES", token.Standard(), secret, private, []uint{p11.KWP}},
		{"AES under RSA, two steps", token.SoftHSM(), public(rsa), secret, []uint{oaep}},
		{"AES under RSA, one call", token.Standard(), public(rsa), secret, []uint{oaep, both}},
		{"EC under RSA, two steps", token.Standard().TwoSteps(), public(rsa), private, nil},
		{"EC under RSA, one call", token.Standard(), public(rsa), private, []uint{both}},
		{"under the public half of an EC key", token.Standard(), public(ec), secret, nil},
		{"under a private key", token.Standard(), private, secret, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.module.Mechanisms(test.under, test.of); !slices.Equal(got, test.want) {
				t.Errorf("%x, want %x", got, test.want)
			}
		})
	}
}

// TestReads: only a key that is extractable and not sensitive shows its value.
func TestReads(t *testing.T) {
	for _, test := range []struct {
		name  string
		class p11.Class
		attrs token.Attrs
		want  bool
	}{
		{"an open key", p11.SecretKey, token.Extractable, true},
		{"a sensitive key", p11.PrivateKey, token.Extractable | token.Sensitive, false},
		{"a key that stays", p11.SecretKey, 0, false},
		{"a public key", p11.PublicKey, token.Extractable, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := token.SoftHSM().Reads(token.Object{Class: test.class, Attrs: test.attrs}); got != test.want {
				t.Errorf("%t, want %t", got, test.want)
			}
		})
	}
}

// TestJoin: where keys are joined, the new one is sensitive if one of them is,
// and extractable if both are.
func TestJoin(t *testing.T) {
	joining := func(j token.Joining) token.Module { return module(func(m *token.Module) { m.Joins = j }) }
	const shown = token.Derive | token.Extractable
	const hidden = token.Sensitive | token.WrapWithTrusted
	for _, test := range []struct {
		name        string
		joining     token.Joining
		base, other token.Attrs
		want        token.Attrs // of SENSITIVE and EXTRACTABLE
		joined      bool
	}{
		{"no such mechanism", token.NoJoining, shown, shown, 0, false},
		{"two open keys", token.JoiningAsStandard, shown, shown, token.Extractable, true},
		{"a base that does not derive", token.JoiningAsStandard, token.Extractable, shown, 0, false},
		{"a guarded key", token.JoiningAsStandard, shown, token.Extractable | hidden,
			token.Extractable | token.Sensitive, true},
		{"a guarded key, refused", token.JoiningRefused, shown, token.Extractable | hidden, 0, false},
		{"a key that stays", token.JoiningRefused, shown, 0, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			object := func(a token.Attrs) token.Object { return token.Object{Attrs: a, Mechanism: p11.NoMechanism} }
			got, joined := joining(test.joining).Join(object(test.base), object(test.other))
			const compared = token.Sensitive | token.Extractable | token.WrapWithTrusted
			if got&compared != test.want || joined != test.joined {
				t.Errorf("%b, %t, want %b, %t", got&compared, joined, test.want, test.joined)
			}
		})
	}
}

// TestAccepted: the modules that are accepted, in each form.
func TestAccepted(t *testing.T) {
	var got []string
	for _, m := range token.Accepted() {
		got = append(got, m.Name+", "+m.Form())
	}
	want := []string{
		"SoftHSM 2.6.1, two steps", "openCryptoki 3.27, two steps",
		"PKCS#11 v2.40, one call", "PKCS#11 v2.40, two steps",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
