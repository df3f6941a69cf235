package p11

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// ActionProhibited is PKCS#11 v3.0's CKR_ACTION_PROHIBITED, which miekg/pkcs11
// leaves without a name. SoftHSM gives it for an attribute of an object that is
// not modifiable.
const ActionProhibited = 0x1B

// ReturnCode is a PKCS#11 return value that prints by its name in the
// standard, such as "CKR_PIN_INCORRECT".
type ReturnCode uint

// Error returns the name, or "return code 0x80000001" for a vendor's own.
func (c ReturnCode) Error() string {
	if c == ActionProhibited {
		return "CKR_ACTION_PROHIBITED"
	}
	text := pkcs11.Error(c).Error() // "pkcs11: 0xA0: CKR_PIN_INCORRECT"
	name := text[strings.LastIndex(text, ":")+1:]
	if name = strings.TrimSpace(name); strings.HasPrefix(name, "CKR_") {
		return name
	}
	return fmt.Sprintf("return code 0x%08X", uint(c))
}

// MoreRoom is what to do where a token is full.
const MoreRoom = "make room on the token, such as by byok-offline key retire, and give the same command again"

// Fail says what a module was asked to do and how it refused, status HSM.
func Fail(what string, err error) error {
	failed := exitcode.Errorf(exitcode.HSM, "%s: %w", what, Named(err))
	if Is(err, pkcs11.CKR_DEVICE_MEMORY) {
		return failed.Hint(MoreRoom)
	}
	return failed
}

// Named replaces miekg/pkcs11's spelling of a return value by the standard's.
func Named(err error) error {
	var still answering
	if errors.As(err, &still) {
		return answering{named(still.error)}
	}
	return named(err)
}

func named(err error) error {
	var code pkcs11.Error
	if errors.As(err, &code) {
		return ReturnCode(code)
	}
	return err
}

// Is reports whether err is, or wraps, one of the return values.
func Is(err error, values ...uint) bool {
	var ours ReturnCode
	if errors.As(err, &ours) {
		return slices.Contains(values, uint(ours))
	}
	var theirs pkcs11.Error
	return errors.As(err, &theirs) && slices.Contains(values, uint(theirs))
}

// Gone reports whether err is a return value by which a module says that the
// device or the session is lost, and none that [Session.Answered] has marked.
func Gone(err error) bool {
	if errors.As(err, new(answering)) {
		return false
	}
	return Is(err, pkcs11.CKR_HOST_MEMORY, pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_MEMORY,
		pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_SESSION_CLOSED,
		pkcs11.CKR_SESSION_HANDLE_INVALID, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED)
}

// Refusal reports whether err is a return value by which a module may say that
// it refuses what a restriction forbids. It counts only beside a control: the
// same call without the restriction. Anything else says nothing: a call that a
// module does not offer, or a device that is gone, has refused nothing.
func Refusal(err error) bool {
	return Is(err,
		pkcs11.CKR_ATTRIBUTE_READ_ONLY,
		pkcs11.CKR_ATTRIBUTE_SENSITIVE,
		pkcs11.CKR_ATTRIBUTE_VALUE_INVALID,
		ActionProhibited,
		pkcs11.CKR_KEY_HANDLE_INVALID, // BouncyHsm
		pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED,
		pkcs11.CKR_KEY_NOT_WRAPPABLE,
		pkcs11.CKR_KEY_UNEXTRACTABLE,
		pkcs11.CKR_TEMPLATE_INCONSISTENT,
		pkcs11.CKR_USER_NOT_LOGGED_IN,
		pkcs11.CKR_WRAPPING_KEY_HANDLE_INVALID, // Kryoptic
		pkcs11.CKR_WRAPPING_KEY_SIZE_RANGE,
		pkcs11.CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
		pkcs11.CKR_FUNCTION_REJECTED)
}
