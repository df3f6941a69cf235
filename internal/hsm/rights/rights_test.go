package rights_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"math/big"
	"regexp"
	"slices"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/rights"
	"byok/internal/hsm/shim"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/secret"
	"byok/internal/testkit/softhsm"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// token is a session with the quorum's login on an empty token.
type token struct {
	*hsm.Session
	km *rsa.PrivateKey
}

func newToken(t *testing.T) *token {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	m, err := hsm.Load(shim.Build(t))
	ok(t, err)
	t.Cleanup(m.Close)
	free, err := m.Free()
	ok(t, err)
	pin := secret.Take([]byte("0001password"))
	made, err := m.Initialise(free, pin, "test")
	ok(t, err)
	s, err := m.Open(made)
	ok(t, err)
	ok(t, s.Login(hsm.RoleSO, pin))
	ok(t, s.InitPIN(pin))
	s.Close()
	t.Setenv("SHIM_PROFILE", "yubihsm")
	found, err := m.Labelled("test") // it has another manufacturer now
	ok(t, err)
	if s, err = m.Open(found[0]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.Guarding = hsm.Guarding{Untrusted: true, Unrestricted: true, Rights: true}
	km, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	tok := &token{s, km}
	tok.login(t)
	return tok
}

func (o *token) login(t *testing.T) {
	t.Helper()
	ok(t, o.Login(hsm.RoleUser, secret.Take([]byte("0003quorum-pin"))))
}

// labels are those of the objects on the token.
func (o *token) labels(t *testing.T) []string {
	t.Helper()
	items, err := o.Inventory()
	ok(t, err)
	var labels []string
	for _, i := range items {
		labels = append(labels, i.Label)
	}
	return slices.Compact(labels)
}

func kind(t *testing.T, name string) keykind.Kind {
	t.Helper()
	k, err := keykind.Parse(name)
	ok(t, err)
	return k
}

// wrapped generates a key for the time of the login and wraps it under KM.
func (o *token) wrapped(t *testing.T, name string) (hsm.Key, hsm.Identity, hsm.Backup) {
	t.Helper()
	k, err := o.Generate(hsm.Spec{Kind: kind(t, name)}, "key", hsm.SessionObject)
	ok(t, err)
	want := hsm.Identity{Public: k.Public}
	if k.Public == nil {
		want.CheckValue, err = o.CheckValue(k)
		ok(t, err)
	}
	outer, err := o.SessionKM(&o.km.PublicKey, keywrap.OneCall)
	ok(t, err)
	again, err := o.SessionKM(&o.km.PublicKey, keywrap.OneCall)
	if err != nil || again != outer {
		t.Errorf("KM is made twice: %v", err)
	}
	blob, err := o.Wrap(hsm.Wrapping{Form: keywrap.OneCall, Outer: outer}, k)
	ok(t, err)
	seal := func(p *rsa.PublicKey) ([]byte, error) {
		aes, err := rsa.DecryptOAEP(sha1.New(), nil, o.km, blob[:o.km.Size()], nil)
		if err != nil {
			return nil, err
		}
		return rsa.EncryptOAEP(sha1.New(), rand.Reader, p, aes, nil)
	}
	return k, want, hsm.Backup{Kind: k.Kind, Public: k.Public, Seal: seal, Inner: blob[o.km.Size():]}
}

// TestLife: what a login needs for itself goes with it, and what is kept stays.
func TestLife(t *testing.T) {
	o := newToken(t)
	for _, name := range []string{"P-256", "RSA-2048", "AES-256"} {
		_, want, backup := o.wrapped(t, name)
		restored, err := o.Restore(backup)
		ok(t, err)
		ok(t, o.Proves(restored, want))
		ok(t, o.ProbeKey(restored))
		if got := o.labels(t); !slices.Equal(got, []string{rights.Label}) {
			t.Errorf("%s: %q", name, got)
		}
		kept, err := o.Persist(restored, "kept")
		ok(t, err)
		ok(t, o.Logout())
		o.login(t)
		if got := o.labels(t); !slices.Equal(got, []string{"kept"}) {
			t.Errorf("%s: %q", name, got)
		}
		found, err := o.FindKey("kept")
		ok(t, err)
		ok(t, o.Proves(found, want))
		if n, err := o.DestroyLabelled(kept.Label); err != nil || n == 0 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		_, _, backup = o.wrapped(t, name)
		backup.Label = "at once"
		_, err = o.Restore(backup)
		ok(t, err)
		ok(t, o.Sweep())
		if got := o.labels(t); !slices.Equal(got, []string{"at once"}) {
			t.Errorf("%s: %q", name, got)
		}
		_, err = o.DestroyLabelled("at once")
		ok(t, err)
		ok(t, o.Logout())
		o.login(t)
	}
}

// TestFind: a public wrap key is found by its label, and is the one that was made.
func TestFind(t *testing.T) {
	o := newToken(t)
	made, err := o.TrustKM("km", &o.km.PublicKey, keywrap.OneCall)
	ok(t, err)
	found, err := o.FindKM("km", &o.km.PublicKey)
	if err != nil || found != made {
		t.Errorf("%v", err)
	}
	other := rsa.PublicKey{N: new(big.Int).Add(o.km.N, big.NewInt(2)), E: 65537}
	refused(t, second(o.FindKM("km", &other)), `token "test" shows another public key for KM than it was given`)
	refused(t, second(o.FindKM("none", &other)), `0 objects on token "test" are labelled none instead of one`)
	other.E = 3
	refused(t, second(o.TrustKM("km3", &other, keywrap.OneCall)),
		`KM has the public exponent 3, and token "test" knows 65537 alone`)
	t.Setenv("SHIM_WEAK", "public-key")
	other.E = 65537
	refused(t, second(o.TrustKM("km2", &other, keywrap.OneCall)),
		`token "test" shows another public key for KM than it was given`)
}

var serial = regexp.MustCompile(` \(serial [0-9a-f]+\)`)

func second[T any](_ T, err error) error { return err }

// refused compares an error, whose token has no serial number here.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || exitcode.Of(err) != exitcode.HSM || serial.ReplaceAllString(err.Error(), "") != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// TestFailing: each call that fails is an error, and the session goes on.
func TestFailing(t *testing.T) {
	o := newToken(t)
	sealed := errors.New("sealed")
	for _, c := range []struct{ at, want string }{
		{"C_UnwrapKey", "C_UnwrapKey of the backup: CKR_DEVICE_ERROR"},
		{"C_GenerateKeyPair", "C_GenerateKeyPair of an RSA wrap key: CKR_DEVICE_ERROR"},
		{"C_SetAttributeValue", "C_SetAttributeValue of label or CKA_ID: CKR_DEVICE_ERROR"},
		{"C_CreateObject", "C_CreateObject of the public half of the restored key: CKR_DEVICE_ERROR"},
		{"C_FindObjectsInit", "C_FindObjectsInit: CKR_DEVICE_ERROR"},
		{"C_GetAttributeValue", "C_GetAttributeValue: CKR_DEVICE_ERROR"},
		{"C_GetAttributeValue#2", "C_GetAttributeValue: CKR_DEVICE_ERROR"},
		{"seal", "sealed"},
	} {
		t.Run(c.at, func(t *testing.T) {
			_, _, backup := o.wrapped(t, "P-256")
			if c.at == "seal" {
				backup.Seal = func(*rsa.PublicKey) ([]byte, error) { return nil, sealed }
			}
			t.Setenv("SHIM_DO", "fail=0x30")
			t.Setenv("SHIM_AT", c.at)
			_, err := o.Restore(backup)
			t.Setenv("SHIM_AT", "")
			if err == nil || err.Error() != c.want {
				t.Errorf("%v", err)
			}
			ok(t, o.Logout())
			o.login(t)
		})
	}
	k, _, _ := o.wrapped(t, "P-256")
	t.Setenv("SHIM_DO", "fail=0x30")
	t.Setenv("SHIM_AT", "C_SetAttributeValue")
	if _, err := o.Persist(k, "kept"); err == nil {
		t.Error("it has another label")
	}
	t.Setenv("SHIM_AT", "C_CreateObject")
	other := rsa.PublicKey{N: new(big.Int).Add(o.km.N, big.NewInt(2)), E: 65537}
	if _, err := o.SessionKM(&other, keywrap.OneCall); err == nil {
		t.Error("a public wrap key")
	}
	t.Setenv("SHIM_AT", "C_DestroyObject+")
	if err := o.Sweep(); err == nil || o.Logout() == nil {
		t.Error("nothing was destroyed")
	}
	t.Setenv("SHIM_AT", "C_FindObjectsInit")
	if err := o.Sweep(); err == nil {
		t.Error("nothing was found")
	}
}

// TestReadable: a key that can be read is named.
func TestReadable(t *testing.T) {
	o := newToken(t)
	t.Setenv("SHIM_WEAK", "sensitive")
	for _, name := range []string{"RSA-2048", "AES-256"} {
		k, err := o.Generate(hsm.Spec{Kind: kind(t, name)}, "key", hsm.TokenObject)
		ok(t, err)
		if err := o.ProbeKey(k); !errors.Is(err, hsm.ErrNotEnforced) {
			t.Errorf("%v", err)
		}
	}
}
