package hsm

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/secret"
	"byok/internal/testkit/softhsm"
)

const (
	soPIN     = "so-pin-of-the-test"
	userPIN   = "user-pin-of-the-test"
	testLabel = "test world"
)

func pin(s string) *secret.Bytes { return secret.Take([]byte(s)) }

// failure is an error as the user meets it.
type failure struct {
	text string
	code exitcode.Code
	hint string
}

func expect(t *testing.T, err error, want failure) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %s", want.text)
		return
	}
	if got := (failure{err.Error(), exitcode.Of(err), exitcode.HintOf(err)}); got != want {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, library string) *Module {
	t.Helper()
	m := must[*Module](t)(Load(library))
	t.Cleanup(m.Close)
	return m
}

// kind is a row of keykind's table.
func kind(t *testing.T, name string) keykind.Kind {
	t.Helper()
	return must[keykind.Kind](t)(keykind.Parse(name))
}

// rig is a security world as one test needs it: a token, KM's two halves, and
// one session.
type rig struct {
	m     *Module
	token Token
	km    *rsa.PrivateKey
	form  keywrap.Form
	s     *Session

	kmObject, kw Object
	kwWrapped    []byte
	keys         map[string]Key // by label, of the tests that need several
}

// softKM is KM's private half in software, made once for all tests.
var softKM = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		panic(err)
	}
	return key
})

// softKEK is a vault's KEK.
var softKEK = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// newToken initialises a token on the library, with both PINs.
func newToken(t *testing.T, library string) *rig {
	t.Helper()
	m := load(t, library)
	token := must[Token](t)(m.Initialise(must[Token](t)(m.Free()), pin(soPIN), testLabel))
	r := &rig{m: m, token: token, km: softKM(), form: must[keywrap.Form](t)(m.Form(token))}
	r.open(t)
	r.asSO(t)
	ok(t, r.s.InitPIN(pin(userPIN)))
	return r
}

// world makes what world creation does, and logs the user in.
func world(t *testing.T) *rig { return worldOn(t, softhsm.New(t)) }

func worldOn(t *testing.T, library string) *rig {
	t.Helper()
	r := newToken(t, library)
	r.kmObject = must[Object](t)(r.s.TrustKM("km", &r.km.PublicKey, r.form))
	if r.form == keywrap.TwoSteps {
		var err error
		r.kw, r.kwWrapped, err = r.s.MakeKW("kw", r.kmObject)
		ok(t, err)
	}
	ok(t, r.s.SetAnchor(AnchorPrefix+"000001", &r.km.PublicKey))
	r.asUser(t)
	return r
}

// faultyWorld is a world on a library that goes wrong where the shim's
// variables say so.
func faultyWorld(t *testing.T) *rig {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	return worldOn(t, shim.Build(t))
}

// faultyToken is a token on such a library, with an SO's session.
func faultyToken(t *testing.T) *rig {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	return newToken(t, shim.Build(t))
}

func (r *rig) open(t *testing.T) {
	t.Helper()
	r.s = must[*Session](t)(r.m.Open(r.token))
	t.Cleanup(r.s.Close)
}

func (r *rig) asSO(t *testing.T) {
	t.Helper()
	ok(t, r.s.Logout())
	ok(t, r.s.Login(RoleSO, pin(soPIN)))
}

func (r *rig) asUser(t *testing.T) {
	t.Helper()
	ok(t, r.s.Logout())
	ok(t, r.s.Login(RoleUser, pin(userPIN)))
}

// backup is what KM and KW wrap.
func (r *rig) backup() Wrapping {
	return Wrapping{Form: r.form, Outer: r.kmObject, Inner: r.kw, OAEP: r.kwWrapped}
}

// restorable is a backup of a key, for Restore.
func (r *rig) restorable(t *testing.T, k Key, backup []byte) Backup {
	t.Helper()
	return Backup{Kind: k.Kind, Public: k.Public, Seal: r.seal(t, backup), Inner: backup[r.km.Size():]}
}

// failCall makes the n-th call of a PKCS#11 function from now on fail.
func (r *rig) failCall(t *testing.T, function string, n int, code uint) {
	t.Helper()
	t.Setenv("SHIM_AT", "never")
	must[[]Token](t)(r.m.Tokens()) // any call, for the count to start again
	t.Setenv("SHIM_DO", fmt.Sprintf("fail=0x%x", code))
	t.Setenv("SHIM_AT", fmt.Sprintf("%s#%d", function, n))
}

// openssl is the judge: this program has no part in its answers.
func openssl(t *testing.T, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl is not installed, and these tests need it as a judge: apt-get install openssl")
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %q: %v\n%s", args, err, out)
	}
	return out
}

func write(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(path, data, 0o600))
	return path
}

func publicPEM(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	return []byte(must[string](t)(keykind.MarshalPublicKey(key)))
}

// reseal opens the first part of a backup with KM and encrypts the AES key for
// another RSA key, as restoring does.
func reseal(t *testing.T, km *rsa.PrivateKey, public *rsa.PublicKey, backup []byte) []byte {
	t.Helper()
	aes := must[[]byte](t)(rsa.DecryptOAEP(sha1.New(), nil, km, backup[:km.Size()], nil))
	return must[[]byte](t)(rsa.EncryptOAEP(sha1.New(), rand.Reader, public, aes, nil))
}
