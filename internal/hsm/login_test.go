package hsm

import (
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
)

// lowWords is what SoftHSM reports after a wrong PIN.
const lowWords = "; the token counts wrong PINs and will lock it after a few more"

// TestLoginFails: see package tokens for the other refusals.
func TestLoginFails(t *testing.T) {
	r := faultyToken(t)
	ok(t, r.s.Logout())
	wrong := r.s.Login(RoleUser, pin("a wrong PIN"))
	expect(t, wrong, failure{fmt.Sprintf("wrong user PIN for %v (CKR_PIN_INCORRECT)", r.token) + lowWords, exitcode.HSM, ""})
	r.failCall(t, "C_Login", 1, pkcs11.CKR_PIN_LOCKED)
	locked := r.s.Login(RoleSO, pin(soPIN))
	expect(t, locked, failure{fmt.Sprintf("the SO PIN of %v is locked (CKR_PIN_LOCKED)", r.token), exitcode.HSM,
		"byok-offline world recover puts the world on another token, or on this one when the vendor's tool has reset it"})
	if !IsWrongPIN(wrong) || IsLocked(wrong) || IsWrongPIN(locked) || !IsLocked(locked) || r.s.Role() != RoleNone {
		t.Errorf("%v, then %v; role %v", wrong, locked, r.s.Role())
	}
	r.asUser(t) // and the right one still opens it
}

func TestRoles(t *testing.T) {
	r := faultyToken(t)
	if r.s.Role() != RoleSO {
		t.Errorf("role %v", r.s.Role())
	}
	r.failCall(t, "C_Logout", 1, pkcs11.CKR_DEVICE_ERROR)
	expect(t, r.s.Logout(), failure{fmt.Sprintf("C_Logout as SO on %v: CKR_DEVICE_ERROR", r.token), exitcode.HSM, ""})
	ok(t, r.s.Logout())
	ok(t, r.s.Logout())
	if r.s.Role() != RoleNone || RoleNone.String() != "none" {
		t.Errorf("role %v", r.s.Role())
	}
	r.failCall(t, "C_OpenSession", 1, pkcs11.CKR_SESSION_COUNT)
	_, err := r.m.Open(r.token)
	expect(t, err, failure{fmt.Sprintf("C_OpenSession on %v: CKR_SESSION_COUNT", r.token), exitcode.HSM, ""})
	r.failCall(t, "C_GetSlotList", 1, pkcs11.CKR_DEVICE_ERROR)
	moved := r.token
	moved.Slot += 1000
	_, err = r.m.Open(moved)
	expect(t, err, failure{"C_GetSlotList of " + r.m.Path + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
	r.s.Close()
	r.s.Close()
	var none *Session
	none.Close()
}

func TestPINs(t *testing.T) {
	r := faultyToken(t)
	expect(t, r.s.InitPIN(pin("x")),
		failure{fmt.Sprintf("C_InitPIN on %v: CKR_PIN_LEN_RANGE", r.token), exitcode.HSM, ""})
	expect(t, r.s.ChangePIN(pin("wrong"), pin("another")),
		failure{fmt.Sprintf("C_SetPIN of the SO on %v: CKR_PIN_INCORRECT", r.token), exitcode.HSM, ""})
	ok(t, r.s.ChangePIN(pin(soPIN), pin("another SO PIN")))
	ok(t, r.s.Logout())
	ok(t, r.s.Login(RoleSO, pin("another SO PIN")))
}

func TestUnsupported(t *testing.T) {
	r := faultyToken(t)
	r.failCall(t, "C_SetPIN", 1, pkcs11.CKR_FUNCTION_NOT_SUPPORTED)
	if err := r.s.ChangePIN(pin(soPIN), pin("another")); !IsUnsupported(err) || Gone(err) || p11.Refusal(err) {
		t.Errorf("%v is not recognised", err)
	}
	r.failCall(t, "C_SetPIN", 1, pkcs11.CKR_DEVICE_REMOVED)
	if err := r.s.ChangePIN(pin(soPIN), pin("another")); IsUnsupported(err) || !Gone(err) {
		t.Errorf("%v is not recognised", err)
	}
	r.failCall(t, "C_SetPIN", 1, pkcs11.CKR_USER_NOT_LOGGED_IN)
	if err := r.s.ChangePIN(pin(soPIN), pin("another")); !p11.Refusal(err) {
		t.Errorf("%v is not recognised", err)
	}
}

// TestUnreadableBlob: what a module says of a blob that was not wrapped for it.
func TestUnreadableBlob(t *testing.T) {
	r := world(t)
	k, backup := r.backedUp(t, kind(t, "AES-128"))
	backup[len(backup)-1] ^= 1
	_, err := r.s.Restore(r.restorable(t, k, backup))
	if !IsUnreadableBlob(err) || IsUnreadableBlob(p11.Fail("C_UnwrapKey", pkcs11.Error(pkcs11.CKR_DEVICE_REMOVED))) {
		t.Errorf("%v", err)
	}
}
