package hsm

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/probe"
)

// ReturnCode is a PKCS#11 return value that prints by its name in the
// standard, such as "CKR_PIN_INCORRECT".
type ReturnCode = p11.ReturnCode

// Errors of the Probe methods: see package probe.
var (
	ErrNotEnforced = probe.ErrNotEnforced
	ErrNotAnswered = probe.ErrNotAnswered
)

// IsUnsupported reports whether err is a call that the module does not offer,
// or not to this role.
func IsUnsupported(err error) bool {
	return p11.Is(err, pkcs11.CKR_FUNCTION_NOT_SUPPORTED, pkcs11.CKR_FUNCTION_REJECTED, pkcs11.CKR_SESSION_READ_ONLY)
}

// IsRefusal reports whether err is a call or a template that the module refuses.
func IsRefusal(err error) bool {
	return IsUnsupported(err) || p11.Refusal(err) || p11.TemplateRefused(err) || p11.Is(err, pkcs11.CKR_USER_TYPE_INVALID)
}

// Gone reports whether err is a return value by which a module says that the
// device or the session is lost.
func Gone(err error) bool { return p11.Gone(err) }

// IsUnreached reports whether the HSM may not have been reached, for want of a
// socket for example.
func IsUnreached(err error) bool { return p11.IsUnreached(err) }

// Unreached marks an error as one that a refused socket may have caused.
func Unreached(err error) error { return p11.Unreached(err) }

// IsUnreadableBlob reports whether err is a return value by which modules refuse
// to unwrap what is not a key wrapped for them (PKCS#11 v2.40, section 5.13.4,
// and what modules return instead).
func IsUnreadableBlob(err error) bool {
	return p11.Is(err, pkcs11.CKR_WRAPPED_KEY_INVALID, pkcs11.CKR_WRAPPED_KEY_LEN_RANGE,
		pkcs11.CKR_ENCRYPTED_DATA_INVALID, pkcs11.CKR_ENCRYPTED_DATA_LEN_RANGE, pkcs11.CKR_DATA_INVALID,
		pkcs11.CKR_DATA_LEN_RANGE, pkcs11.CKR_ATTRIBUTE_VALUE_INVALID, pkcs11.CKR_GENERAL_ERROR, pkcs11.CKR_FUNCTION_FAILED)
}
