package inventory

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/shim"
	"byok/internal/keykind"
	"byok/internal/testkit/softhsm"
)

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

// token is a token with trusted and other objects, in the user's session.
type token struct {
	*p11.Session
	public *rsa.PublicKey // of "trusted RSA"
}

func newToken(t *testing.T) token {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	p, _, h := softhsm.Session(t, shim.Build(t))
	s := &p11.Session{Ctx: p, Handle: h, Omitted: map[string][]uint{}}
	generate := func(bits int) *rsa.PublicKey {
		return &must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, bits)).PublicKey
	}
	public := generate(2048)
	put := func(label string, id byte, trusted bool, key *rsa.PublicKey) {
		material := append(p11.Naming(label, []byte{id}), p11.RSAPublic(key)...)
		must[p11.Object](t)(s.Create(kept(trusted).Raw(material...)))
	}
	put("trusted RSA", 1, true, public)
	put("foreign RSA", 2, true, generate(1024))
	put("RSA", 4, false, public)
	size := pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32)
	must[p11.Object](t)(s.Generate(pkcs11.CKM_AES_KEY_GEN,
		kept(true).Raw(append(p11.Naming("trusted AES", []byte{3}), size)...)))
	trustEC(t, s)
	must[p11.Object](t)(s.Create([]*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_DATA), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false), pkcs11.NewAttribute(pkcs11.CKA_LABEL, "data"),
	}))
	ok(t, p.Logout(h))
	ok(t, p.Login(h, pkcs11.CKU_USER, softhsm.UserPIN))
	return token{s, public}
}

// trustEC generates an EC key whose public half is trusted.
func trustEC(t *testing.T, s *p11.Session) {
	t.Helper()
	curve := must[keykind.Kind](t)(keykind.Parse("P-256"))
	parameters := pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, curve.ECParams())
	private := p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, false, "ends with the session"),
		p11.Has(pkcs11.CKA_PRIVATE, false, "is the SO's"),
	}
	_, _, err := s.GeneratePair(curve.Generation,
		kept(true).Raw(append(p11.Naming("trusted EC", []byte{5}), parameters)...), private.Raw())
	ok(t, err)
}

// kept is the template of a token object that all can see.
func kept(trusted bool) p11.Template {
	t := p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, true, "is a token object"),
		p11.Has(pkcs11.CKA_PRIVATE, false, "is seen by all"),
	}
	if trusted {
		t = append(t, p11.Has(pkcs11.CKA_TRUSTED, true, "is trusted"))
	}
	return t
}

func sorted[T any](list []T, text func(T) string) []string {
	var all []string
	for _, x := range list {
		all = append(all, text(x))
	}
	slices.Sort(all)
	return all
}

func TestAll(t *testing.T) {
	s := newToken(t)
	got := sorted(must[[]Item](t)(All(s.Session)), func(i Item) string {
		return fmt.Sprintf("%v %q ID %x type %d trusted %t", i.Class, i.Label, i.ID, i.KeyType, i.Trusted)
	})
	want := []string{
		`data object "data" ID  type 0 trusted false`,
		`public key "RSA" ID 04 type 0 trusted false`,
		`public key "foreign RSA" ID 02 type 0 trusted true`,
		`public key "trusted EC" ID 05 type 3 trusted true`,
		`public key "trusted RSA" ID 01 type 0 trusted true`,
		`secret key "trusted AES" ID 03 type 31 trusted true`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

// TestAllTrusted: a secret key has no SPKI, nor has a public key that no world
// makes; both are listed all the same.
func TestAllTrusted(t *testing.T) {
	s := newToken(t)
	sum, err := keykind.SPKIHash(s.public)
	ok(t, err)
	got := sorted(must[[]Trusted](t)(AllTrusted(s.Session)), func(o Trusted) string {
		return fmt.Sprintf("%v %q trusted %t, known %t, the key's %t",
			o.Class, o.Label, o.Trusted, !o.SPKI.IsZero(), o.SPKI == sum)
	})
	want := []string{
		`public key "foreign RSA" trusted true, known false, the key's false`,
		`public key "trusted EC" trusted true, known true, the key's false`,
		`public key "trusted RSA" trusted true, known true, the key's true`,
		`secret key "trusted AES" trusted true, known false, the key's false`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	labelled := must[[]p11.Object](t)(FindTrusted(s.Session, pkcs11.NewAttribute(pkcs11.CKA_LABEL, "RSA")))
	if len(labelled) != 0 {
		t.Error("an object that is not trusted is found among the trusted")
	}
}

// TestCallsFail: a list is whole, or there is none.
func TestCallsFail(t *testing.T) {
	s := newToken(t)
	all := func() (int, error) { list, err := All(s.Session); return len(list), err }
	trusted := func() (int, error) { list, err := AllTrusted(s.Session); return len(list), err }
	for _, c := range []struct {
		name, at string
		list     func() (int, error)
		want     string
	}{
		{"search for all", "C_FindObjectsInit#1", all, "C_FindObjectsInit"},
		{"search for the trusted", "C_FindObjectsInit#2", all, "C_FindObjectsInit"},
		{"first object", "C_GetAttributeValue#1", all, "C_GetAttributeValue"},
		{"last object", "C_GetAttributeValue#9", all, "C_GetAttributeValue"},
		{"search", "C_FindObjectsInit#1", trusted, "C_FindObjectsInit"},
		{"first trusted object", "C_GetAttributeValue#1", trusted, "C_GetAttributeValue"},
		{"secret key", "C_GetAttributeValue#6+", trusted, "C_GetAttributeValue"},
		{"EC key", "C_GetAttributeValue#9+", trusted, "C_GetAttributeValue"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SHIM_DO", fmt.Sprintf("fail=0x%x", pkcs11.CKR_DEVICE_ERROR))
			t.Setenv("SHIM_AT", "never")
			must[pkcs11.SessionInfo](t)(s.Ctx.GetSessionInfo(s.Handle)) // any call, for the count to start again
			t.Setenv("SHIM_AT", c.at)
			n, err := c.list()
			if err == nil || err.Error() != c.want+": CKR_DEVICE_ERROR" || exitcode.Of(err) != exitcode.HSM || n != 0 {
				t.Errorf("%d listed, %v (status %d)", n, err, exitcode.Of(err))
			}
		})
	}
}

// TestOfKey: the keys of a label, and the public keys of a CKA_ID.
func TestOfKey(t *testing.T) {
	items := []Item{
		{Class: p11.PublicKey, Label: "a", ID: []byte{1}}, {Class: p11.PrivateKey, Label: "a", ID: []byte{1}},
		{Class: p11.SecretKey, Label: "a", ID: []byte{2}}, {Class: p11.PrivateKey, Label: "b", ID: []byte{1}},
		{Class: p11.PublicKey, Label: "c", ID: []byte{2}},
	}
	if found := KeysLabelled(items, "a"); len(found) != 2 || found[0].Class != p11.PrivateKey ||
		found[1].Class != p11.SecretKey {
		t.Errorf("%+v", found)
	}
	if found := PublicOf(items, items[3]); len(found) != 1 || found[0].Label != "a" {
		t.Errorf("%+v", found)
	}
}

// TestWithoutTrust: a module that does not know CKA_TRUSTED trusts nothing, and
// lists its objects all the same.
func TestWithoutTrust(t *testing.T) {
	token := newToken(t)
	all := must[[]Item](t)(All(token.Session))
	t.Setenv("SHIM_UNKNOWN", "0x86")
	if found := must[[]p11.Object](t)(FindTrusted(token.Session)); len(found) != 0 {
		t.Errorf("%d are trusted", len(found))
	}
	if left := must[[]Item](t)(All(token.Session)); len(left) != len(all) {
		t.Errorf("%d objects, %d before", len(left), len(all))
	}
	if on := must[[]p11.Object](t)(FindOnToken(token.Session)); len(on) != len(all) {
		t.Errorf("%d on the token", len(on))
	}
}
