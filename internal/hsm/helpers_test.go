package hsm

import (
	"crypto"
	"crypto/rsa"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
	"byok/internal/hsm/softhsm"
	"byok/internal/secret"
	"byok/internal/transfer"
)

const (
	soPIN     = "so-pin-of-the-test"
	userPIN   = "user-pin-of-the-test"
	testLabel = "test world"
	kmHex     = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
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

func load(t *testing.T, library string) *Module {
	t.Helper()
	m := must[*Module](t)(Load(library))
	t.Cleanup(m.Close)
	return m
}

// world makes a token with a module key and a user PIN, as world creation does.
func world(t *testing.T) (*Module, Token) {
	t.Helper()
	return worldOn(t, softhsm.New(t))
}

// faultyWorld is a world on a library that goes wrong where the shim's
// variables say so.
func faultyWorld(t *testing.T) (*Module, Token) {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	return worldOn(t, shim.Build(t))
}

// failCall makes the n-th call of a PKCS#11 function from now on fail.
func failCall(t *testing.T, m *Module, function string, n int, code uint) {
	t.Helper()
	t.Setenv("SHIM_AT", "never")
	must[[]Token](t)(m.Tokens()) // any call, for the count to start anew
	t.Setenv("SHIM_DO", fmt.Sprintf("fail=0x%x", code))
	t.Setenv("SHIM_AT", fmt.Sprintf("%s#%d", function, n))
}

func worldOn(t *testing.T, library string) (*Module, Token) {
	t.Helper()
	m := load(t, library)
	free := must[Token](t)(m.Free())
	token := must[Token](t)(m.Initialise(free, pin(soPIN), testLabel))
	asOfficer(t, m, token, func(so *SecurityOfficer) error {
		if err := so.SetUserPIN(pin(userPIN)); err != nil {
			return err
		}
		return so.CreateModuleKey("km", secret.Take(unhex(kmHex)))
	})
	return m, token
}

func asOfficer(t *testing.T, m *Module, token Token, work func(*SecurityOfficer) error) {
	t.Helper()
	so := must[*SecurityOfficer](t)(m.SecurityOfficer(token, pin(soPIN)))
	defer so.Close()
	if err := work(so); err != nil {
		t.Fatal(err)
	}
}

func asUser(t *testing.T, m *Module, token Token) *User {
	t.Helper()
	u := must[*User](t)(m.User(token, pin(userPIN)))
	t.Cleanup(func() { _ = u.Close() })
	return u
}

// generate makes a key on the token.
func generate(t *testing.T, u *User, label string, spec KeySpec) Key {
	t.Helper()
	if err := u.GenerateKey(label, spec); err != nil {
		t.Fatal(err)
	}
	return must[Key](t)(u.FindKey(label))
}

// specs are the keys that the vault takes but for the large RSA keys, which
// take their time.
func specs() map[string]KeySpec {
	return map[string]KeySpec{
		"rsa-2048": {Type: "RSA", Bits: 2048}, "rsa-exponent-3": {Type: "RSA", Bits: 2048, Exponent: 3},
		"p-256": {Type: "EC", Curve: "P-256"}, "p-384": {Type: "EC", Curve: "P-384"}, "p-521": {Type: "EC", Curve: "P-521"},
		"p-256k":  {Type: "EC", Curve: "P-256K"},
		"aes-128": {Type: "AES", Bits: 128}, "aes-192": {Type: "AES", Bits: 192}, "aes-256": {Type: "AES", Bits: 256},
	}
}

// openssl is the judge: nothing of ours has a part in its answers.
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
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// unwrapped opens RFC 5649 with openssl.
func unwrapped(t *testing.T, kek, blob []byte) []byte {
	t.Helper()
	return openssl(t, "enc", "-d", "-id-aes256-wrap-pad", "-K", hex.EncodeToString(kek), "-iv", "A65959A6", "-in", write(t, blob))
}

// kek is a vault's key exchange key, made by openssl.
type kek struct {
	path   string // of the private key
	public *rsa.PublicKey
}

func newKEK(t *testing.T, bits int) kek {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kek.pem")
	openssl(t, "genpkey", "-algorithm", "RSA", "-pkeyopt", fmt.Sprintf("rsa_keygen_bits:%d", bits), "-out", path)
	public := must[crypto.PublicKey](t)(transfer.ParsePublicKey(string(openssl(t, "pkey", "-in", path, "-pubout"))))
	return kek{path, public.(*rsa.PublicKey)}
}

// open opens a blob as a vault does, with nothing but openssl.
func (k kek) open(t *testing.T, blob []byte) []byte {
	t.Helper()
	outer, inner := blob[:k.public.Size()], blob[k.public.Size():]
	aes := openssl(t, "pkeyutl", "-decrypt", "-inkey", k.path, "-in", write(t, outer),
		"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1", "-pkeyopt", "rsa_mgf1_md:sha1")
	if len(aes) != 32 {
		t.Fatalf("the transfer key has %d bytes", len(aes))
	}
	return unwrapped(t, aes, inner)
}

// trust has the quorum trust the KEK and a transfer key.
func trust(t *testing.T, m *Module, token Token, k kek) {
	t.Helper()
	asOfficer(t, m, token, func(so *SecurityOfficer) error {
		if err := so.TrustKEK("kek", k.public); err != nil {
			return err
		}
		return so.GenerateTransferKey("transfer")
	})
}
