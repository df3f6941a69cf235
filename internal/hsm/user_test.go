package hsm

import (
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
	"byok/internal/keykind"
)

// operator logs the user in through crypto11, in place of the rig's session.
func (r *rig) operator(t *testing.T) *User {
	t.Helper()
	r.s.Close()
	u := must[*User](t)(r.m.User(r.token, pin(userPIN)))
	t.Cleanup(func() { _ = u.Close() })
	r.s = u.Session
	return u
}

// TestUser makes each kind of key through crypto11 with the attributes that a
// session gives it, and signs with it.
func TestUser(t *testing.T) {
	r := world(t)
	wants := map[string][]string{}
	for _, k := range keykind.All() {
		if k.Type == keykind.RSA && k.Bits > 2048 {
			continue // the same templates, more slowly
		}
		born := must[Key](t)(r.s.Generate(Spec{Kind: k}, "raw", SessionObject))
		wants[k.String()] = must[[]string](t)(r.s.Permissions(born))
	}
	u := r.operator(t)
	for name, want := range wants {
		t.Run(name, func(t *testing.T) {
			k := must[Key](t)(u.Generate(Spec{Kind: kind(t, name)}, name))
			if k.Kind != kind(t, name) {
				t.Errorf("made %v", k.Kind)
			}
			if got := must[[]string](t)(u.Permissions(k)); !slices.Equal(got, want) {
				t.Errorf("may %q, a session's %q", got, want)
			}
			ok(t, u.Proves(must[Key](t)(u.FindKey(name)), r.identity(t, k)))
			if k.Public != nil {
				sig := must[[]byte](t)(u.Sign(k, []byte("manifest")))
				ok(t, keykind.VerifySignature(k.Public, []byte("manifest"), sig))
			}
		})
	}
	kml := must[Key](t)(u.GenerateKML("kml"))
	sig := must[[]byte](t)(u.Sign(kml, []byte("manifest")))
	ok(t, keykind.VerifySignature(kml.Public, []byte("manifest"), sig))
	ok(t, u.Close())
	ok(t, u.Close())
	r.open(t) // the module stays usable
	r.asUser(t)
	must[Key](t)(r.s.FindKey("kml"))
}

func TestUserExponent(t *testing.T) {
	r := world(t)
	k := must[Key](t)(r.operator(t).Generate(Spec{Kind: kind(t, "RSA-2048"), Exponent: 65539}, "rsa"))
	if e := k.Public.(*rsa.PublicKey).E; e != 65539 {
		t.Errorf("exponent %d", e)
	}
}

// TestExponentIgnored: a module that makes another public exponent than the one
// asked for, and says nothing, keeps no key.
func TestExponentIgnored(t *testing.T) {
	r := faultyToken(t)
	r.asUser(t)
	t.Setenv("SHIM_EXPONENT", "65537")
	spec := Spec{Kind: kind(t, "RSA-2048"), Exponent: 3}
	want := failure{"the module made rsa with public exponent 65537, and 3 was asked for", exitcode.HSM,
		"nothing was kept; leave --pubexp out for 65537, which every module and vault takes"}
	_, err := r.s.Generate(spec, "rsa", TokenObject)
	expect(t, err, want)
	_, err = r.operator(t).Generate(spec, "rsa")
	expect(t, err, want)
	for _, i := range must[[]Item](t)(r.s.Inventory()) {
		if i.Label == "rsa" {
			t.Errorf("left: %+v", i)
		}
	}
	err = Spec{Kind: kind(t, "P-256")}.granted(Key{Label: "ec", Kind: kind(t, "P-384")})
	expect(t, err, failure{"the module made ec as P-384, and P-256 was asked for", exitcode.HSM,
		"nothing was kept; ask for a kind that the module makes"})
}

// TestUserForms: the operator makes EC keys, finds them and signs with them,
// whatever form the module gives their public halves in.
func TestUserForms(t *testing.T) {
	r := faultyToken(t)
	r.asUser(t)
	u := r.operator(t)
	for _, c := range []struct{ variable, value string }{
		{"SHIM_EC_POINT", "bare"}, {"SHIM_EC_POINT", "compressed"}, {"SHIM_EC_POINT", "bits"}, {"SHIM_EC_PARAMS", "name"},
	} {
		t.Run(c.value, func(t *testing.T) {
			t.Setenv(c.variable, c.value)
			made := must[Key](t)(u.Generate(Spec{Kind: kind(t, "P-256")}, c.value))
			k := must[Key](t)(u.FindKey(c.value))
			sig := must[[]byte](t)(u.Sign(k, []byte("manifest")))
			ok(t, keykind.VerifySignature(made.Public, []byte("manifest"), sig))
			must[Key](t)(u.GenerateKML("kml " + c.value))
		})
	}
}

func TestUserLoginFails(t *testing.T) {
	r := faultyToken(t)
	r.s.Close()
	login := func(p string) error { _, err := r.m.User(r.token, pin(p)); return err }
	for _, c := range []struct {
		name     string
		function string
		n        int
		code     uint
		want     string
		hint     string
	}{
		{
			"device lost", "C_Login", 1, pkcs11.CKR_DEVICE_REMOVED,
			fmt.Sprintf("C_Login as user on %v: CKR_DEVICE_REMOVED", r.token),
			"connect the HSM again, then run the same command again",
		},
		{
			"no session", "C_OpenSession", 2, pkcs11.CKR_SESSION_COUNT,
			fmt.Sprintf("C_OpenSession on %v: CKR_SESSION_COUNT", r.token), "",
		},
		{
			"finalisation", "C_Finalize", 1, pkcs11.CKR_GENERAL_ERROR,
			fmt.Sprintf("C_Finalize of %s: CKR_GENERAL_ERROR", r.m.Path), "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.failCall(t, c.function, c.n, c.code)
			expect(t, login(userPIN), failure{c.want, exitcode.HSM, c.hint})
			t.Setenv("SHIM_AT", "")
			ok(t, must[*User](t)(r.m.User(r.token, pin(userPIN))).Close())
		})
	}
	expect(t, login("a wrong PIN"), failure{
		fmt.Sprintf("wrong user PIN for %v (CKR_PIN_INCORRECT)%s", r.token, lowWords), exitcode.HSM, "",
	})
}

// TestInitialisedAgain: the operator works on a library that is initialised once
// in a process where the module statement says so. A second C_Initialize without
// C_Finalize before it is not made.
func TestInitialisedAgain(t *testing.T) {
	r := faultyToken(t)
	r.asUser(t)
	r.s.Close()
	login := func(viaCrypto11 bool) {
		t.Helper()
		u := must[*User](t)(r.m.User(r.token, pin(userPIN)))
		if (u.c11 != nil) != viaCrypto11 {
			t.Errorf("crypto11 is open: %t", u.c11 != nil)
		}
		k := must[Key](t)(u.Generate(Spec{Kind: kind(t, "P-256")}, "key"))
		ok(t, keykind.VerifySignature(k.Public, []byte("manifest"), must[[]byte](t)(u.Sign(k, []byte("manifest")))))
		ok(t, u.DestroyKey(k))
		ok(t, u.Close())
	}
	t.Setenv("SHIM_INIT_TWICE", "0x5")
	login(true)
	t.Setenv("SHIM_INIT_TWICE", "")
	r.failCall(t, "C_Initialize", 1, pkcs11.CKR_HOST_MEMORY) // crypto11's alone
	login(false)
	t.Setenv("SHIM_AT", "")
	r.m.Once = true
	t.Setenv("SHIM_ONE_INIT", "1")
	login(false)
	r.m.Once = false
	_, err := r.m.User(r.token, pin(userPIN))
	expect(t, err, failure{
		"C_Initialize of " + r.m.Path + " after C_Finalize: CKR_FUNCTION_FAILED",
		exitcode.HSM, "byok-offline module accept --module-path " + r.m.Path +
			" --card DIR … records that this library refuses it",
	})
}

// TestCannotLock: a library that several threads must not call is called by one.
func TestCannotLock(t *testing.T) {
	for _, code := range []string{"0xA", "0x9", "0x7"} {
		t.Run(code, func(t *testing.T) {
			t.Setenv("SHIM_LOCKING", code)
			r := faultyToken(t)
			r.asUser(t)
			r.s.Close()
			u := must[*User](t)(r.m.User(r.token, pin(userPIN)))
			if u.c11 != nil {
				t.Error("crypto11 is open, which has the library lock")
			}
			must[Key](t)(u.Generate(Spec{Kind: kind(t, "P-256")}, "key"))
			ok(t, u.Close())
		})
	}
	t.Setenv("SHIM_LOCKING", "0x5")
	_, err := Load(shim.Build(t))
	if err == nil || !IsUnreached(err) || !strings.HasSuffix(err.Error(), "could not be initialised: CKR_GENERAL_ERROR") {
		t.Errorf("%v", err)
	}
}

func TestUserCallsFail(t *testing.T) {
	r := faultyWorld(t)
	u := r.operator(t)
	ec := must[Key](t)(u.Generate(Spec{Kind: kind(t, "P-256")}, "ec"))
	k256 := must[Key](t)(u.Generate(Spec{Kind: kind(t, "P-256K")}, "k256"))
	signing := func(k Key) func() error { return func() error { _, err := u.Sign(k, nil); return err } }
	generating := func(name string) func() error {
		return func() error { _, err := u.Generate(Spec{Kind: kind(t, name)}, "new"); return err }
	}
	for _, c := range []struct {
		function string
		n        int
		try      func() error
		want     string
	}{
		{"C_FindObjectsInit", 1, signing(ec), "finding ec"},
		{"C_Sign", 1, signing(ec), "signing with ec"},
		{"C_Sign", 1, signing(k256), "C_Sign with k256"},
		{"C_GenerateKeyPair", 1, generating("P-256"), "C_GenerateKeyPair of new"},
		{"C_GenerateKeyPair", 1, generating("P-256K"), "C_GenerateKeyPair of new"},
		{"C_GenerateKey", 1, generating("AES-128"), "C_GenerateKey of new"},
		{"C_FindObjectsInit", 1, generating("AES-128"), "C_GenerateKey of new: C_FindObjectsInit"},
	} {
		t.Run(c.want, func(t *testing.T) {
			r.failCall(t, c.function, c.n, pkcs11.CKR_DEVICE_ERROR)
			err := c.try()
			t.Setenv("SHIM_AT", "")
			r.endOperation()
			expect(t, err, failure{c.want + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
		})
	}
	gone := ec
	gone.Label = "gone"
	expect(t, signing(gone)(), failure{fmt.Sprintf("0 key pairs are gone on %v instead of one", r.token), exitcode.HSM, ""})
	ok(t, u.DestroyKey(ec)) // its handle was found before
	expect(t, signing(ec)(), failure{"signing with ec: CKR_OBJECT_HANDLE_INVALID", exitcode.HSM, ""})
}

// TestUserAlone: where crypto11 cannot work on a token, the session does it all.
func TestUserAlone(t *testing.T) {
	r := faultyToken(t)
	r.asUser(t)
	for _, c := range []struct{ name, variable, value string }{
		{"a slot that does not answer", "SHIM_GHOST", "0xE1"},
		{"no serial number", "SHIM_SERIAL", "none"},
		{"a serial number padded with NULs", "SHIM_NUL_PADDED", "1"},
		{"one session", "SHIM_SESSIONS", "1"},
		{"two sessions", "SHIM_SESSIONS", "2"},
		{"PIN pad", "SHIM_PIN_PAD", "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.s.Close()
			t.Setenv("SHIM_PAD_USER", userPIN)
			t.Setenv(c.variable, c.value)
			if c.variable == "SHIM_NUL_PADDED" {
				t.Setenv("SHIM_SERIAL", "ABC") // SoftHSM's own needs no padding
			}
			u := must[*User](t)(r.m.User(must[[]Token](t)(r.m.Labelled(testLabel))[0], pin(userPIN)))
			if u.c11 != nil {
				t.Error("crypto11 is open")
			}
			k := must[Key](t)(u.Generate(Spec{Kind: kind(t, "P-256")}, c.name))
			kml := must[Key](t)(u.GenerateKML("kml of " + c.name))
			for _, k := range []Key{k, kml} {
				sig := must[[]byte](t)(u.Sign(k, []byte("manifest")))
				ok(t, keykind.VerifySignature(k.Public, []byte("manifest"), sig))
			}
			ok(t, u.Close())
			ok(t, u.Close())
		})
	}
	u := r.operator(t)
	if u.c11 == nil {
		t.Error("crypto11 is not open on a plain token")
	}
	ok(t, u.Close())
	t.Setenv("SHIM_SERIAL", "none")
	_, err := r.m.User(must[[]Token](t)(r.m.Labelled(testLabel))[0], pin("a wrong PIN"))
	expect(t, err, failure{
		fmt.Sprintf("wrong user PIN for token %q (without a serial number) (CKR_PIN_INCORRECT)%s", testLabel, lowWords),
		exitcode.HSM, "",
	})
	r.failCall(t, "C_OpenSession", 1, pkcs11.CKR_SESSION_COUNT)
	_, err = r.m.User(must[[]Token](t)(r.m.Labelled(testLabel))[0], pin(userPIN))
	expect(t, err, failure{
		fmt.Sprintf("C_OpenSession on token %q (without a serial number): CKR_SESSION_COUNT", testLabel), exitcode.HSM, "",
	})
}

// TestPINToBeChanged: a token that demands C_SetPIN after C_InitToken and
// C_InitPIN has the PINs that were chosen.
func TestPINToBeChanged(t *testing.T) {
	t.Setenv("SHIM_STALE_PIN", "1")
	r := faultyToken(t) // as SO
	must[Object](t)(r.s.TrustKM("km", &r.km.PublicKey, r.form))
	r.asUser(t)
	must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-256")}, "key", TokenObject))
	r.asSO(t)
	ok(t, r.s.InitPIN(pin(userPIN)))
	ok(t, r.s.Logout())
	r.failCall(t, "C_SetPIN", 1, pkcs11.CKR_PIN_INVALID)
	expect(t, r.s.Login(RoleUser, pin(userPIN)), failure{
		fmt.Sprintf("the token demands that the user PIN be changed: C_SetPIN of the user on %v: CKR_PIN_INVALID", r.token),
		exitcode.HSM, "",
	})
}
