package tokens

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/native"
	"byok/internal/hsm/shim"
	"byok/internal/secret"
	"byok/internal/testkit/softhsm"
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
		ok(t, err)
		return value
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rig is a library with one initialised token and one free slot, and a session
// that is logged in as SO.
type rig struct {
	Slots
	token Token
	h     pkcs11.SessionHandle
}

// newRig makes one on SoftHSM behind the shim.
func newRig(t *testing.T) *rig {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	return rigOn(t, shim.Build(t))
}

func rigOn(t *testing.T, library string) *rig {
	t.Helper()
	p, _, h := softhsm.Session(t, library)
	n, err := native.Open(library)
	ok(t, err)
	t.Cleanup(n.Close)
	r := &rig{Slots: New(p, n, library), h: h}
	r.token = must[[]Token](t)(r.Labelled(label))[0]
	return r
}

// label is what [softhsm.Session] gives its token.
const label = "token"

// notFound is the hint where a token is not there.
func (r *rig) notFound() string {
	return "connect the HSM that holds this security world, then byok-offline module list --module-path " + r.path
}

// fails makes the n-th call of a PKCS#11 function from now on fail.
func (r *rig) fails(t *testing.T, function string, n int, code uint) {
	t.Helper()
	t.Setenv("SHIM_AT", "never")
	must[[]Token](t)(r.Tokens()) // any call, for the count to start again
	t.Setenv("SHIM_DO", fmt.Sprintf("fail=0x%x", code))
	t.Setenv("SHIM_AT", fmt.Sprintf("%s#%d", function, n))
}

// copied is a copy of a library under another name.
func copied(t *testing.T, library, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	ok(t, os.WriteFile(path, must[[]byte](t)(os.ReadFile(library)), 0o700))
	return path
}
