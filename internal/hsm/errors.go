package hsm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// ckrActionProhibited is PKCS#11 v3.0's CKR_ACTION_PROHIBITED, which
// miekg/pkcs11 leaves without a name. SoftHSM gives it for an attribute of an
// object that is not modifiable.
const ckrActionProhibited = 0x1B

// fail says what the token was asked to do and how it refused, status 4.
func fail(what string, err error) error {
	return exitcode.Errorf(exitcode.HSM, "%s: %w", what, named(err))
}

// ReturnCode is a PKCS#11 return value that prints by its name in the
// standard, such as "CKR_PIN_INCORRECT".
type ReturnCode uint

// Error returns the name, or "return code 0x80000001" for a vendor's own.
func (c ReturnCode) Error() string {
	if c == ckrActionProhibited {
		return "CKR_ACTION_PROHIBITED"
	}
	text := pkcs11.Error(c).Error() // "pkcs11: 0xA0: CKR_PIN_INCORRECT"
	name := text[strings.LastIndex(text, ":")+1:]
	if name = strings.TrimSpace(name); strings.HasPrefix(name, "CKR_") {
		return name
	}
	return fmt.Sprintf("return code 0x%08X", uint(c))
}

// named replaces miekg/pkcs11's spelling of a return value by the standard's.
func named(err error) error {
	var code pkcs11.Error
	if errors.As(err, &code) {
		return ReturnCode(code)
	}
	return err
}

// code returns the PKCS#11 return value in err, and whether there is one.
func code(err error) (uint, bool) {
	var got pkcs11.Error
	if errors.As(err, &got) {
		return uint(got), true
	}
	var ours ReturnCode
	return uint(ours), errors.As(err, &ours)
}

// is reports whether err is the return value want.
func is(err error, want uint) bool {
	got, ok := code(err)
	return ok && got == want
}

// oneOf reports whether err is one of the return values.
func oneOf(err error, values []uint) bool {
	got, ok := code(err)
	return ok && slices.Contains(values, got)
}

// IsWrongPIN reports whether err is a login that was refused for its PIN. A
// locked PIN is not a wrong one.
func IsWrongPIN(err error) bool {
	return oneOf(err, []uint{pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_LEN_RANGE, pkcs11.CKR_PIN_INVALID})
}

// IsLocked reports whether err is a login that was refused because the PIN is
// locked.
func IsLocked(err error) bool { return is(err, pkcs11.CKR_PIN_LOCKED) }

// IsUnsupported reports whether err is a call that the module does not offer,
// or not to this role.
func IsUnsupported(err error) bool {
	return oneOf(err, []uint{
		pkcs11.CKR_FUNCTION_NOT_SUPPORTED, pkcs11.CKR_FUNCTION_REJECTED, pkcs11.CKR_SESSION_READ_ONLY,
	})
}
