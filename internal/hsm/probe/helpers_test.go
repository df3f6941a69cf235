package probe

import (
	"crypto/rsa"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/native"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/shim"
	"byok/internal/keykind"
	"byok/internal/testkit/softhsm"
)

// token names the token in the tests' messages.
type token string

func (t token) String() string { return string(t) }

const theToken = "the token"

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		ok(t, err)
		return value
	}
}

const otherModule = "use another module: byok-offline module check says what this one lacks"

// expect compares a whole error, with status HSM, without the token's name.
func expect(t *testing.T, err error, text, hint string) {
	t.Helper()
	full := err != nil && err.Error() == theToken+" "+text
	if !full || exitcode.Of(err) != exitcode.HSM || exitcode.HintOf(err) != hint {
		t.Errorf("\n got %v (status %d, hint %q)\nwant %s %s (hint %q)",
			err, exitcode.Of(err), exitcode.HintOf(err), theToken, text, hint)
	}
}

// rig is a token with trusted keys of the SO's, in the user's session.
type rig struct {
	*Prober
	log string

	km, kw, anchor Target
}

func newRig(t *testing.T) *rig {
	t.Helper()
	log := filepath.Join(t.TempDir(), "calls")
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	t.Setenv("SHIM_LOG", log)
	t.Setenv("SHIM_SHORT_RSA", Label)
	library := shim.Build(t)
	p, slot, h := softhsm.Session(t, library)
	wrapper, err := native.Open(library)
	ok(t, err)
	t.Cleanup(wrapper.Close)
	s := &p11.Session{Ctx: p, Native: wrapper, Handle: h, Token: token(theToken), Omitted: map[string][]uint{}}
	r := &rig{Prober: New(s, slot, &Facts{}), log: log}
	r.km = r.trusted(t, "KM", trustedRSA())
	r.anchor = r.trusted(t, "anchor", trustedRSA().With(p11.Stays(pkcs11.CKA_WRAP, false, "wraps nothing")))
	r.kw = r.trustedAES(t)
	ok(t, p.Logout(h))
	ok(t, p.Login(h, pkcs11.CKU_USER, softhsm.UserPIN))
	return r
}

// attacker is the attacker's key of the probes.
func attacker() *rsa.PrivateKey {
	key, err := attackerKey()
	if err != nil {
		panic(err)
	}
	return key
}

func trustedRSA() p11.Template {
	return p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, true, "is a token object"),
		p11.Has(pkcs11.CKA_PRIVATE, false, "is the SO's"),
		p11.Has(pkcs11.CKA_TRUSTED, true, "is trusted"),
		p11.Has(pkcs11.CKA_WRAP, true, "wraps"),
		p11.Stays(pkcs11.CKA_ENCRYPT, false, "only wraps"),
		p11.Stays(pkcs11.CKA_MODIFIABLE, false, "is frozen"),
	}
}

func trustedAES() p11.Template {
	return p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, true, "is a token object"),
		p11.Has(pkcs11.CKA_PRIVATE, false, "is the SO's"),
		p11.Has(pkcs11.CKA_TRUSTED, true, "is trusted"),
		p11.Has(pkcs11.CKA_WRAP, true, "wraps"),
		p11.Stays(pkcs11.CKA_SENSITIVE, true, "is never in clear"),
		p11.Stays(pkcs11.CKA_EXTRACTABLE, false, "never leaves"),
		p11.Stays(pkcs11.CKA_UNWRAP, false, "opens nothing"),
		p11.Stays(pkcs11.CKA_DECRYPT, false, "opens nothing"),
		p11.Stays(pkcs11.CKA_MODIFIABLE, false, "is frozen"),
	}
}

func (r *rig) trusted(t *testing.T, name string, template p11.Template) Target {
	t.Helper()
	first := append(p11.Naming(name, p11.NewID()), p11.RSAPublic(&attacker().PublicKey)...)
	o := must[p11.Object](t)(r.s.Create(template.Raw(first...)))
	return Target{o, name, p11.PublicKey, template}
}

func (r *rig) trustedAES(t *testing.T) Target {
	t.Helper()
	first := append(p11.Naming("KW", p11.NewID()), pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32))
	o := must[p11.Object](t)(r.s.Generate(pkcs11.CKM_AES_KEY_GEN, trustedAES().Raw(first...)))
	return Target{o, "KW", p11.SecretKey, trustedAES()}
}

// kept is a key that only a trusted key may wrap.
func kept() p11.Template {
	return p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, false, "ends with the session"),
		p11.Stays(pkcs11.CKA_SENSITIVE, true, "is never in clear"),
		p11.Has(pkcs11.CKA_EXTRACTABLE, true, "is wrapped"),
		p11.Stays(pkcs11.CKA_WRAP_WITH_TRUSTED, true, "is wrapped by trusted keys alone"),
	}
}

func (r *rig) aes(t *testing.T, changed ...p11.Attribute) Target {
	t.Helper()
	template := kept().With(changed...)
	first := append(p11.Naming("key", p11.NewID()), pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32))
	o := must[p11.Object](t)(r.s.Generate(pkcs11.CKM_AES_KEY_GEN, template.Raw(first...)))
	return Target{o, "key", p11.SecretKey, template}
}

func (r *rig) pair(t *testing.T, kind keykind.Kind, changed ...p11.Attribute) Target {
	t.Helper()
	template := kept().With(p11.Has(pkcs11.CKA_PRIVATE, true, "is private")).With(changed...)
	parameters := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, kind.ECParams())}
	if kind.Type == keykind.RSA {
		parameters = []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, kind.Bits),
			pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, p11.Exponent(65537)),
		}
	}
	public := p11.Template{p11.Has(pkcs11.CKA_TOKEN, false, "ends with the session")}.Raw(parameters...)
	_, o, err := r.s.GeneratePair(kind.Generation, public, template.Raw(p11.Naming("key", p11.NewID())...))
	ok(t, err)
	return Target{o, "key", p11.PrivateKey, template}
}

func kind(t *testing.T, name string) keykind.Kind {
	t.Helper()
	return must[keykind.Kind](t)(keykind.Parse(name))
}

// fails makes the n-th call of a function from now on fail, and every one
// after it.
func (r *rig) fails(t *testing.T, function string, n int, code uint) {
	t.Helper()
	t.Setenv("SHIM_AT", "never")
	must[pkcs11.SessionInfo](t)(r.s.Ctx.GetSessionInfo(r.s.Handle)) // any call, for the count to start again
	t.Setenv("SHIM_DO", fmt.Sprintf("fail=0x%x", code))
	t.Setenv("SHIM_AT", fmt.Sprintf("%s#%d+", function, n))
}

// labels lists the labels of the token objects.
func (r *rig) labels(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, o := range must[[]p11.Object](t)(r.s.Find(pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true))) {
		list = append(list, string(must[[][]byte](t)(r.s.Attributes(o, pkcs11.CKA_LABEL))[0]))
	}
	slices.Sort(list)
	return list
}
