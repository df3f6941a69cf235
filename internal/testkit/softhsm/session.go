package softhsm

import (
	"testing"

	"github.com/miekg/pkcs11"
)

// PINs of the token that Session makes.
const (
	SOPIN   = "so-pin-of-the-test"
	UserPIN = "user-pin-of-the-test"
)

// Session loads the library, initialises a token with both PINs, and opens a
// session that is logged in as SO. It is for tests below package hsm.
func Session(t testing.TB, library string) (p *pkcs11.Ctx, slot uint, h pkcs11.SessionHandle) {
	t.Helper()
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p = pkcs11.New(library)
	t.Cleanup(p.Destroy)
	try(p.Initialize())
	t.Cleanup(func() { _ = p.Finalize() })
	slots, err := p.GetSlotList(true)
	try(err)
	try(p.InitToken(slots[0], SOPIN, "token"))
	slots, err = p.GetSlotList(true) // its number has changed
	try(err)
	h, err = p.OpenSession(slots[0], pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	try(err)
	try(p.Login(h, pkcs11.CKU_SO, SOPIN))
	try(p.InitPIN(h, UserPIN))
	return p, slots[0], h
}
