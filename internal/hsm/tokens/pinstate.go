package tokens

import "github.com/miekg/pkcs11"

// PINState is what a token reports about wrong tries of one PIN.
type PINState string

// The states of a PIN. Announce PINFinal before the try is spent.
const (
	PINFresh  PINState = ""
	PINLow    PINState = "wrong PINs were counted"
	PINFinal  PINState = "one try is left"
	PINLocked PINState = "locked"
	PINStale  PINState = "to be changed before it is used"
)

// pinStates has the flag of each state, the worst first, for SO and user.
var pinStates = []struct {
	so, user uint
	state    PINState
}{
	{pkcs11.CKF_SO_PIN_LOCKED, pkcs11.CKF_USER_PIN_LOCKED, PINLocked},
	{pkcs11.CKF_SO_PIN_FINAL_TRY, pkcs11.CKF_USER_PIN_FINAL_TRY, PINFinal},
	{pkcs11.CKF_SO_PIN_COUNT_LOW, pkcs11.CKF_USER_PIN_COUNT_LOW, PINLow},
	{pkcs11.CKF_SO_PIN_TO_BE_CHANGED, pkcs11.CKF_USER_PIN_TO_BE_CHANGED, PINStale},
}

// PINState returns what the token reports about the PIN of a role, when t was
// read. A token that reports nothing is PINFresh.
func (t Token) PINState(role Role) PINState {
	for _, row := range pinStates {
		if role == RoleSO && t.flags&row.so != 0 || role == RoleUser && t.flags&row.user != 0 {
			return row.state
		}
	}
	return PINFresh
}

// suffix ends the message about a wrong PIN.
func (s PINState) suffix() string {
	switch s {
	case PINLocked:
		return "; the token has locked this PIN"
	case PINFinal:
		return "; one try is left before the token locks it"
	case PINLow:
		return "; the token counts wrong PINs and will lock it after a few more"
	}
	return ""
}
