package p11

import (
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
	"byok/internal/testkit/softhsm"
)

// name names the token in the tests' messages.
type name string

func (n name) String() string { return string(n) }

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

// expect compares a whole error, with status HSM.
func expect(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.HSM {
		t.Errorf("got  %v (status %d)\nwant %s", err, exitcode.Of(err), want)
	}
}

// open opens a user's session on a fresh SoftHSM token, behind the shim.
func open(t *testing.T) *Session {
	t.Helper()
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	p, _, h := softhsm.Session(t, shim.Build(t))
	ok(t, p.Logout(h))
	ok(t, p.Login(h, pkcs11.CKU_USER, softhsm.UserPIN))
	return &Session{Ctx: p, Handle: h, Token: name("the token"), Omitted: map[string][]uint{}}
}

// aes is a template of a session key.
func aes(changed ...Attribute) Template {
	return Template{
		Has(pkcs11.CKA_TOKEN, false, "ends with the session"),
		Has(pkcs11.CKA_ENCRYPT, true, "is to encrypt"),
		Stays(pkcs11.CKA_MODIFIABLE, true, "is to be changed"),
	}.With(changed...)
}

func generate(t *testing.T, s *Session, label string, changed ...Attribute) Object {
	t.Helper()
	first := append(Naming(label, NewID()), pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 16))
	return must[Object](t)(s.Generate(pkcs11.CKM_AES_KEY_GEN, aes(changed...).Raw(first...)))
}

// fails makes the n-th call of a function from now on fail.
func fails(t *testing.T, s *Session, function string, n int, code uint) {
	t.Helper()
	t.Setenv("SHIM_AT", "never")
	must[pkcs11.SessionInfo](t)(s.Ctx.GetSessionInfo(s.Handle)) // any call, for the count to start again
	t.Setenv("SHIM_DO", fmt.Sprintf("fail=0x%x", code))
	t.Setenv("SHIM_AT", fmt.Sprintf("%s#%d", function, n))
}
